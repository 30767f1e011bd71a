<?php
/**
 * Core's own writes of stock, so that none is lost beside ours.
 *
 * @package SmartStore
 */

namespace SmartStore\WooCommerce;

defined( 'ABSPATH' ) || exit;

/**
 * WooCommerce takes a sale's stock with one UPDATE that names the item and the meta key. The database may find that row
 * by the key, over the rows of other items, which it locks on the way; meeting a transaction of the route it can then be
 * given up as a deadlock, and WooCommerce only notes the error: the sale has taken nothing. By the row's own number the
 * statement holds no other lock, so it waits, and is never given up.
 */
final class Stock_Query {

	/**
	 * Hooks in.
	 */
	public static function listen() {
		add_filter( 'woocommerce_update_product_stock_query', array( self::class, 'by_number' ), 99, 2 );
	}

	/**
	 * The same statement for the same rows, by their numbers; as it came where it is none of core's.
	 *
	 * @param string $sql Core's UPDATE.
	 * @param int    $id  The product or variation.
	 * @return string
	 */
	public static function by_number( $sql, $id ) {
		global $wpdb;
		$where = $wpdb->prepare( " WHERE post_id = %d AND meta_key='_stock'", $id );
		if ( substr( $sql, -strlen( $where ) ) !== $where ) {
			return $sql;
		}
		$rows = $wpdb->get_col( $wpdb->prepare( "SELECT meta_id FROM {$wpdb->postmeta} WHERE post_id = %d AND meta_key = '_stock'", $id ) );
		if ( ! $rows ) {
			return $sql;
		}
		return substr( $sql, 0, -strlen( $where ) ) . ' WHERE meta_id IN (' . implode( ',', array_map( 'intval', $rows ) ) . ')';
	}
}
