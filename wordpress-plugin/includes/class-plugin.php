<?php
/**
 * Wires the parts to WordPress.
 *
 * @package SmartStore
 */

namespace SmartStore\WooCommerce;

defined( 'ABSPATH' ) || exit;

/**
 * The only place that knows all parts.
 */
final class Plugin {

	/**
	 * Says that orders are used through WooCommerce's own functions only, and that the block checkout is fine.
	 */
	public static function declare_compatibility() {
		if ( class_exists( \Automattic\WooCommerce\Utilities\FeaturesUtil::class ) ) {
			\Automattic\WooCommerce\Utilities\FeaturesUtil::declare_compatibility( 'custom_order_tables', FILE, true );
			\Automattic\WooCommerce\Utilities\FeaturesUtil::declare_compatibility( 'cart_checkout_blocks', FILE, true );
		}
	}

	/**
	 * On plugins_loaded. Without WooCommerce nothing runs but a notice that says so.
	 */
	public static function start() {
		add_action( 'init', array( self::class, 'translate' ) );
		if ( ! class_exists( 'WooCommerce', false ) ) {
			add_action( 'admin_notices', array( self::class, 'say_what_is_missing' ) );
			return;
		}
		Install::upgrade();
		Changes::listen();
		Marks::listen();
		Etag::listen();
		Notes::listen();
		Stock_Query::listen();
		Route::listen();
		Sender::listen();
		Resync::listen();
		Native_Webhooks::listen();
		Admin_Route::listen();
		Privacy::listen();
		if ( is_admin() ) {
			Admin_Page::listen();
		}
		if ( defined( 'WP_CLI' ) && WP_CLI ) {
			\WP_CLI::add_command( 'smartstore', Command::class );
		}
	}

	/**
	 * Loads the translations that come with the plugin.
	 */
	public static function translate() {
		load_plugin_textdomain( 'smartstore-woocommerce', false, dirname( plugin_basename( FILE ) ) . '/languages' );
	}

	/**
	 * The notice without WooCommerce.
	 */
	public static function say_what_is_missing() {
		if ( current_user_can( 'activate_plugins' ) ) {
			printf(
				'<div class="notice notice-error"><p>%s</p></div>',
				esc_html__( 'SmartStore Sync needs WooCommerce. Install and activate WooCommerce, or deactivate SmartStore Sync.', 'smartstore-woocommerce' )
			);
		}
	}
}
