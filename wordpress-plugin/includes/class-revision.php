<?php
/**
 * The count of an item's changes.
 *
 * @package SmartStore
 */

namespace SmartStore\WooCommerce;

defined( 'ABSPATH' ) || exit;

/**
 * The meta entry _smartstore_revision: an integer that only rises, whoever changes the item. It is counted in the
 * database itself: two requests at once must not count to the same number, which WooCommerce's meta functions, reading
 * first and writing then, would do.
 */
final class Revision {

	const KEY = '_smartstore_revision';

	/**
	 * Counts one change.
	 *
	 * @param string $kind product, variation, order or customer.
	 * @param int    $id   The item.
	 */
	public static function raise( string $kind, int $id ) {
		global $wpdb;
		$names = Tables::of( $kind );
		// phpcs:disable WordPress.DB.PreparedSQL.InterpolatedNotPrepared, WordPress.DB.SlowDBQuery
		$entry = (int) $wpdb->get_var(
			$wpdb->prepare(
				"SELECT {$names['meta_id']} FROM {$names['meta']} WHERE {$names['owner']} = %d AND meta_key = %s ORDER BY {$names['meta_id']} LIMIT 1",
				$id,
				self::KEY
			)
		);
		if ( $entry ) {
			$wpdb->query( $wpdb->prepare( "UPDATE {$names['meta']} SET meta_value = meta_value + 1 WHERE {$names['meta_id']} = %d", $entry ) );
		} else {
			$wpdb->insert(
				$names['meta'],
				array(
					$names['owner'] => $id,
					'meta_key'      => self::KEY,
					'meta_value'    => 1,
				),
				array( '%d', '%s', '%d' )
			);
		}
		// phpcs:enable
		Items::forget( $kind, $id );
	}

	/**
	 * Takes the revision out of what a REST client wants to write: one that sends back all meta data it has read would
	 * turn it back.
	 *
	 * @param \WC_Data $object What is about to be saved.
	 * @return \WC_Data
	 */
	public static function protect( $object ) {
		if ( $object instanceof \WC_Data ) {
			foreach ( $object->get_meta_data() as $entry ) {
				if ( self::KEY === $entry->key && $entry->get_changes() ) {
					$before       = $entry->get_data();
					$entry->key   = self::KEY;
					$entry->value = isset( $before['id'] ) ? $before['value'] : null;
					$entry->apply_changes();
				}
			}
		}
		return $object;
	}
}
