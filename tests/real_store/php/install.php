<?php
// install.php SHOP STEP: one step of making the shop, each in a process of its own, because plugins load at the start.
[ , $shop, $step ] = $argv;
if ( 'core' === $step ) {
	define( 'WP_INSTALLING', true );
}
require __DIR__ . '/boot.php';
require_once ABSPATH . 'wp-admin/includes/upgrade.php';
require_once ABSPATH . 'wp-admin/includes/plugin.php';

function key_of( int $user, string $permissions ): array {
	global $wpdb;
	$key    = 'ck_' . wc_rand_hash();
	$secret = 'cs_' . wc_rand_hash();
	$wpdb->insert( $wpdb->prefix . 'woocommerce_api_keys', array(
		'user_id' => $user, 'description' => "tests $permissions", 'permissions' => $permissions,
		'consumer_key' => wc_api_hash( $key ), 'consumer_secret' => $secret, 'truncated_key' => substr( $key, -7 ),
	) );
	return array( $key, $secret );
}

function activate( string $file ) {
	$error = activate_plugin( $file );
	if ( is_wp_error( $error ) ) {
		fwrite( STDERR, $file . ': ' . $error->get_error_message() . "\n" );
		exit( 1 );
	}
}

if ( 'core' === $step ) {
	wp_install( 'Dumbara Looms', 'admin', 'admin@example.com', false, '', 'admin-password' );
	wp_insert_user( array( 'user_login' => 'reader', 'user_pass' => 'reader-password', 'user_email' => 'reader@example.com', 'role' => 'subscriber' ) );
} elseif ( 'woocommerce' === $step ) {
	$GLOBALS['wp_rewrite']->set_permalink_structure( '/%postname%/' );
	activate( 'woocommerce/woocommerce.php' );
} elseif ( 'settings' === $step ) {
	WC_Install::install();
	$settings = array(
		'woocommerce_currency' => 'LKR', 'woocommerce_default_country' => 'LK', 'woocommerce_price_num_decimals' => '2',
		'woocommerce_calc_taxes' => 'no', 'woocommerce_manage_stock' => 'yes', 'woocommerce_coming_soon' => 'no',
		'woocommerce_allow_tracking' => 'no', 'woocommerce_onboarding_profile' => array( 'skipped' => true ),
		'woocommerce_cod_settings' => array( 'enabled' => 'yes', 'title' => 'Cash on delivery' ),
		'timezone_string' => 'Asia/Colombo',
	);
	foreach ( $settings as $name => $value ) {
		update_option( $name, $value );
	}
	if ( 'posts' === getenv( 'REAL_STORE_ORDERS' ) ) {
		update_option( 'woocommerce_custom_orders_table_enabled', 'no' );
	}
	delete_transient( '_wc_activation_redirect' );
	WC_Install::create_pages();
	flush_rewrite_rules( false );
} elseif ( 'plugin' === $step ) {
	activate( 'wordpress-plugin/smartstore-woocommerce.php' );
} elseif ( 'keys' === $step ) {
	echo wp_json_encode( array(
		'write' => key_of( 1, 'read_write' ), 'read' => key_of( 1, 'read' ),
		'subscriber' => key_of( get_user_by( 'login', 'reader' )->ID, 'read_write' ),
		'wordpress' => get_bloginfo( 'version' ), 'woocommerce' => WC_VERSION,
	) );
}
