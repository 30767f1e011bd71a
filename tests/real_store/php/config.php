<?php
// config.php SHOP PORT SOCKET DATABASE: writes wp-config.php. SOCKET is empty for SQLite.
[ , $shop, $port, $socket, $database ] = $argv;
$constants = array(
	'DB_NAME' => $database, 'DB_USER' => 'root', 'DB_PASSWORD' => '', 'DB_HOST' => $socket ? "localhost:$socket" : 'localhost',
	'DB_CHARSET' => 'utf8mb4', 'DB_COLLATE' => '',
	'WP_HOME' => "http://127.0.0.1:$port", 'WP_SITEURL' => "http://127.0.0.1:$port",
	'DISABLE_WP_CRON' => true, 'WP_HTTP_BLOCK_EXTERNAL' => true, 'WP_ACCESSIBLE_HOSTS' => '127.0.0.1,localhost',
	'AUTOMATIC_UPDATER_DISABLED' => true, 'WP_DEBUG' => true, 'WP_DEBUG_LOG' => dirname( $shop ) . '/run/debug.log', 'WP_DEBUG_DISPLAY' => false,
);
foreach ( array( 'AUTH_KEY', 'SECURE_AUTH_KEY', 'LOGGED_IN_KEY', 'NONCE_KEY', 'AUTH_SALT', 'SECURE_AUTH_SALT', 'LOGGED_IN_SALT', 'NONCE_SALT' ) as $name ) {
	$constants[ $name ] = bin2hex( random_bytes( 32 ) );
}
if ( ! $socket ) {
	$constants += array( 'DB_ENGINE' => 'sqlite', 'DB_DIR' => "$shop/wp-content/database/", 'DB_FILE' => '.ht.sqlite' );
	$plugin = "$shop/wp-content/plugins/sqlite-database-integration";
	$text   = str_replace( array( '{SQLITE_IMPLEMENTATION_FOLDER_PATH}', '{SQLITE_PLUGIN}' ), array( $plugin, 'sqlite-database-integration/load.php' ), file_get_contents( "$plugin/db.copy" ) );
	file_put_contents( "$shop/wp-content/db.php", $text );
}
$text = "<?php\n";
foreach ( $constants as $name => $value ) {
	$text .= "define( '$name', " . var_export( $value, true ) . " );\n";
}
$text .= "\$table_prefix = 'wp_';\ndefined( 'ABSPATH' ) || define( 'ABSPATH', __DIR__ . '/' );\nrequire_once ABSPATH . 'wp-settings.php';\n";
file_put_contents( "$shop/wp-config.php", $text );
