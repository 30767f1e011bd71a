<?php
/**
 * Removes the plugin's tables, options and jobs, and the key that pairing has made, with the webhooks that nobody could
 * take away without it. The marks in products, orders and customers (meta entries _smartstore_…) stay: with them a later
 * installation knows its items again.
 *
 * @package SmartStore
 */

defined( 'WP_UNINSTALL_PLUGIN' ) || exit;

/**
 * Deletes WooCommerce's own webhooks to SmartStore.
 */
function smartstore_uninstall_webhooks() {
	$smartstore_settings = get_option( 'smartstore_settings' );
	$smartstore_address  = is_array( $smartstore_settings ) ? untrailingslashit( (string) ( $smartstore_settings['api_url'] ?? '' ) ) : '';
	if ( '' === $smartstore_address || ! class_exists( 'WC_Data_Store' ) ) {
		return;
	}
	foreach ( WC_Data_Store::load( 'webhook' )->search_webhooks( array( 'limit' => -1 ) ) as $smartstore_id ) {
		$smartstore_webhook = wc_get_webhook( $smartstore_id );
		if ( $smartstore_webhook && 0 === strpos( $smartstore_webhook->get_delivery_url(), "$smartstore_address/api/webhooks/woocommerce/" ) ) {
			$smartstore_webhook->delete( true );
		}
	}
}

/**
 * Removes it from the current site.
 */
function smartstore_uninstall_site() {
	global $wpdb;
	$smartstore_key = (int) get_option( 'smartstore_key_id' );
	if ( $smartstore_key ) {
		smartstore_uninstall_webhooks();
		$wpdb->delete( $wpdb->prefix . 'woocommerce_api_keys', array( 'key_id' => $smartstore_key ), array( '%d' ) );
	}
	foreach ( array( 'outbox', 'entities' ) as $smartstore_table ) {
		$wpdb->query( "DROP TABLE IF EXISTS {$wpdb->prefix}smartstore_{$smartstore_table}" ); // phpcs:ignore WordPress.DB
	}
	$smartstore_options = array( 'settings', 'db_version', 'sender', 'sender_lease', 'paused_webhooks', 'key_id', 'resync_products', 'resync_orders' );
	foreach ( $smartstore_options as $smartstore_option ) {
		delete_option( 'smartstore_' . $smartstore_option );
	}
	if ( function_exists( 'as_unschedule_all_actions' ) ) {
		as_unschedule_all_actions( '', array(), 'smartstore' );
	}
}

if ( is_multisite() ) {
	foreach ( get_sites( array( 'fields' => 'ids' ) ) as $smartstore_site ) {
		switch_to_blog( $smartstore_site );
		smartstore_uninstall_site();
		restore_current_blog();
	}
} else {
	smartstore_uninstall_site();
}
