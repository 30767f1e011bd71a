<?php
/**
 * Where items live in the database.
 *
 * @package SmartStore
 */

namespace SmartStore\WooCommerce;

use Automattic\WooCommerce\Utilities\OrderUtil;

defined( 'ABSPATH' ) || exit;

/**
 * Table and column names. Items are read and written through WooCommerce; only row locks, the revision's counting and
 * lists of ids name tables themselves, because WooCommerce has no function for them.
 */
final class Tables {

	/**
	 * Whether orders are in tables of their own (HPOS).
	 */
	public static function orders_apart(): bool {
		return OrderUtil::custom_orders_table_usage_is_enabled();
	}

	/**
	 * Names for a kind: item (table), id, meta (table), owner (its column for the item), meta_id.
	 *
	 * @param string $kind product, variation, order or customer.
	 * @return array<string, string>
	 */
	public static function of( string $kind ): array {
		global $wpdb;
		if ( 'customer' === $kind ) {
			return self::named( $wpdb->users, 'ID', $wpdb->usermeta, 'user_id', 'umeta_id' );
		}
		if ( 'order' === $kind && self::orders_apart() ) {
			return self::named( OrderUtil::get_table_for_orders(), 'id', OrderUtil::get_table_for_order_meta(), 'order_id', 'id' );
		}
		return self::named( $wpdb->posts, 'ID', $wpdb->postmeta, 'post_id', 'meta_id' );
	}

	/**
	 * Puts names together.
	 *
	 * @param string $item    Table of the items.
	 * @param string $id      Its key.
	 * @param string $meta    Table of their meta entries.
	 * @param string $owner   Its column that names the item.
	 * @param string $meta_id Its key.
	 * @return array<string, string>
	 */
	private static function named( string $item, string $id, string $meta, string $owner, string $meta_id ): array {
		return array(
			'item'    => $item,
			'id'      => $id,
			'meta'    => $meta,
			'owner'   => $owner,
			'meta_id' => $meta_id,
		);
	}

	/**
	 * The plugin's queue of deliveries.
	 */
	public static function outbox(): string {
		global $wpdb;
		return $wpdb->prefix . 'smartstore_outbox';
	}

	/**
	 * The plugin's index from an entity of ours to the item that was made for it.
	 */
	public static function entities(): string {
		global $wpdb;
		return $wpdb->prefix . 'smartstore_entities';
	}
}
