<?php
// boot.php: loads the WordPress in $shop for a script of ours, as a request to its home page.
$_SERVER += array(
	'SERVER_PROTOCOL' => 'HTTP/1.1',
	'REQUEST_METHOD'  => 'GET',
	'REQUEST_URI'     => '/',
	'HTTP_HOST'       => '127.0.0.1',
	'REMOTE_ADDR'     => '127.0.0.1',
	'SERVER_NAME'     => '127.0.0.1',
);
set_time_limit( 0 );
require $shop . '/wp-load.php';
