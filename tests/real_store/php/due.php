<?php
// due.php SHOP: runs what is due of Action Scheduler, as WordPress's cron does every minute. Prints how much.
[ , $shop ] = $argv;
define( 'DOING_CRON', true );
require __DIR__ . '/boot.php';
$done = 0;
do {
	$more  = ActionScheduler_QueueRunner::instance()->run( 'tests' );
	$done += $more;
} while ( $more );
echo "\n" . wp_json_encode( $done );
