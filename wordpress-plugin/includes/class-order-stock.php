<?php
/**
 * Orders written through the route leave stock alone.
 *
 * @package SmartStore
 */

namespace SmartStore\WooCommerce;

defined( 'ABSPATH' ) || exit;

/**
 * The platform where an order was placed or cancelled has moved its stock itself. WooCommerce's own notes of what an
 * order has taken (the flag order_stock_reduced, and _reduced_stock at each line) are kept in step, so that whoever
 * cancels a copied order in the shop gives its stock back, once.
 */
final class Order_Stock {

	const TAKES = array( 'processing', 'completed', 'on-hold' );
	const GIVES = array( 'cancelled', 'pending' );

	/**
	 * Runs work during which no order moves stock.
	 *
	 * @param callable $work Called without arguments.
	 * @return mixed What the work returns.
	 */
	public static function hold( callable $work ) {
		$filters = array(
			'woocommerce_payment_complete_reduce_order_stock',
			'woocommerce_can_reduce_order_stock',
			'woocommerce_can_restore_order_stock',
			'woocommerce_prevent_adjust_line_item_product_stock',
		);
		foreach ( $filters as $name ) {
			add_filter( $name, 'woocommerce_prevent_adjust_line_item_product_stock' === $name ? '__return_true' : '__return_false', PHP_INT_MAX );
		}
		try {
			return $work();
		} finally {
			foreach ( $filters as $name ) {
				remove_filter( $name, 'woocommerce_prevent_adjust_line_item_product_stock' === $name ? '__return_true' : '__return_false', PHP_INT_MAX );
			}
		}
	}

	/**
	 * After a status was written: WooCommerce's notes as if it had moved the stock itself.
	 *
	 * @param int $id The order.
	 */
	public static function keep_in_step( int $id ) {
		$order = wc_get_order( $id );
		if ( $order->has_status( self::TAKES ) ) {
			self::mark_taken( $id );
		} elseif ( $order->has_status( self::GIVES ) ) {
			self::mark_given_back( $order );
		}
	}

	/**
	 * The order's lines have taken their stock.
	 *
	 * @param int $id The order.
	 */
	public static function mark_taken( int $id ) {
		$order = wc_get_order( $id );
		if ( $order->get_data_store()->get_stock_reduced( $id ) ) {
			return;
		}
		foreach ( $order->get_items() as $line ) {
			$product = $line->get_product();
			if ( $product && $product->managing_stock() && ! $line->get_meta( '_reduced_stock', true ) ) {
				$line->add_meta_data( '_reduced_stock', $line->get_quantity(), true );
				$line->save();
			}
		}
		self::set_flag( $order, true );
	}

	/**
	 * The order's lines have given their stock back.
	 *
	 * @param \WC_Order $order The order.
	 */
	private static function mark_given_back( $order ) {
		foreach ( $order->get_items() as $line ) {
			$line->delete_meta_data( '_reduced_stock' );
			$line->save();
		}
		self::set_flag( $order, false );
	}

	/**
	 * Sets WooCommerce's flag.
	 *
	 * @param \WC_Order $order The order.
	 * @param bool      $taken Its value.
	 */
	private static function set_flag( $order, bool $taken ) {
		$order->get_data_store()->set_stock_reduced( $order->get_id(), $taken );
		Items::forget( 'order', $order->get_id() );
	}
}
