<?php
/**
 * Plugin Name:          SmartStore Sync for WooCommerce
 * Description:          Keeps this shop's products, stock, orders and customers the same in SmartStore Sync, both ways. Nothing is lost while the network is down.
 * Version:              1.0.0
 * Requires at least:    6.4
 * Requires PHP:         7.4
 * Requires Plugins:     woocommerce
 * WC requires at least: 8.2
 * WC tested up to:      10.5
 * Author:               SmartStore Sync
 * License:              GPL-2.0-or-later
 * License URI:          https://www.gnu.org/licenses/gpl-2.0.html
 * Text Domain:          smartstore-woocommerce
 * Domain Path:          /languages
 *
 * @package SmartStore
 */

namespace SmartStore\WooCommerce;

defined( 'ABSPATH' ) || exit;

const VERSION = '1.0.0';
const FILE    = __FILE__;

spl_autoload_register(
	static function ( $name ) {
		if ( 0 === strpos( $name, __NAMESPACE__ . '\\' ) ) {
			$short = strtolower( str_replace( '_', '-', substr( $name, strlen( __NAMESPACE__ ) + 1 ) ) );
			$file  = __DIR__ . '/includes/class-' . $short . '.php';
			if ( is_file( $file ) ) {
				require $file;
			}
		}
	}
);

register_activation_hook( __FILE__, array( Install::class, 'activate' ) );
register_deactivation_hook( __FILE__, array( Install::class, 'deactivate' ) );
add_action( 'before_woocommerce_init', array( Plugin::class, 'declare_compatibility' ) );
add_action( 'plugins_loaded', array( Plugin::class, 'start' ) );
