<?php
// router.php: for PHP's own server. Files as they are, everything else through index.php, as with pretty permalinks.
$root = $_SERVER['DOCUMENT_ROOT'];
$path = rawurldecode( parse_url( $_SERVER['REQUEST_URI'], PHP_URL_PATH ) ?: '/' );
if ( '/' !== $path && ! preg_match( '#/\.#', $path ) ) {
	if ( is_file( $root . $path ) ) {
		return false;
	}
	if ( is_file( rtrim( $root . $path, '/' ) . '/index.php' ) ) {
		return false;
	}
}
$_SERVER['SCRIPT_NAME']     = '/index.php';
$_SERVER['PHP_SELF']        = '/index.php';
$_SERVER['SCRIPT_FILENAME'] = $root . '/index.php';
chdir( $root );
require $root . '/index.php';
