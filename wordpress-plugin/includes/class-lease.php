<?php
/**
 * One sender at a time.
 *
 * @package SmartStore
 */

namespace SmartStore\WooCommerce;

defined( 'ABSPATH' ) || exit;

/**
 * A row among WordPress's options that one process holds for a while. Straight in the database: options are cached.
 */
final class Lease {

	const OPTION = 'smartstore_sender_lease';
	const FOR_S  = 60;

	/**
	 * What this process wrote, '' while it has no lease.
	 *
	 * @var string
	 */
	private static $held = '';

	/**
	 * Takes the lease, or makes it last longer.
	 */
	public static function take(): bool {
		global $wpdb;
		$value = ( time() + self::FOR_S ) . ':' . wp_generate_password( 12, false );
		if ( '' !== self::$held ) {
			$done = $wpdb->query( $wpdb->prepare( "UPDATE {$wpdb->options} SET option_value = %s WHERE option_name = %s AND option_value = %s", $value, self::OPTION, self::$held ) );
		} else {
			$wpdb->query( $wpdb->prepare( "INSERT IGNORE INTO {$wpdb->options} (option_name, option_value, autoload) VALUES (%s, '0:', 'no')", self::OPTION ) );
			$done = $wpdb->query( $wpdb->prepare( "UPDATE {$wpdb->options} SET option_value = %s WHERE option_name = %s AND CAST(option_value AS UNSIGNED) < %d", $value, self::OPTION, time() ) );
		}
		self::$held = 1 === $done ? $value : '';
		return 1 === $done;
	}

	/**
	 * Gives the lease back.
	 */
	public static function give_back() {
		global $wpdb;
		if ( '' !== self::$held ) {
			$wpdb->query( $wpdb->prepare( "UPDATE {$wpdb->options} SET option_value = '0:' WHERE option_name = %s AND option_value = %s", self::OPTION, self::$held ) );
			self::$held = '';
		}
	}
}
