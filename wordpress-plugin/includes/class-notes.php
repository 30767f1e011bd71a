<?php
/**
 * What people write about an order.
 *
 * @package SmartStore
 */

namespace SmartStore\WooCommerce;

defined( 'ABSPATH' ) || exit;

/**
 * Order notes that a person typed in the shop. What WooCommerce and its keys add by themselves, ours among it, is no
 * person's word.
 */
final class Notes {

	const FIELD = 'smartstore_notes';
	const MOST  = 100;

	/**
	 * Hooks in.
	 */
	public static function listen() {
		add_action( 'woocommerce_order_note_added', array( self::class, 'added' ), 99, 2 );
		add_action( 'woocommerce_order_note_deleted', array( self::class, 'deleted' ), 99, 2 );
	}

	/**
	 * Someone wrote a note.
	 *
	 * @param int       $note  The note.
	 * @param \WC_Order $order Its order.
	 */
	public static function added( $note, $order ) {
		if ( self::by_person( wc_get_order_note( $note ) ) ) {
			Changes::order_changed( $order->get_id() );
		}
	}

	/**
	 * A note was deleted.
	 *
	 * @param int    $id   The note.
	 * @param object $note What it was.
	 */
	public static function deleted( $id, $note ) {
		if ( self::by_person( $note ) && ! empty( $note->order_id ) ) {
			Changes::order_changed( (int) $note->order_id );
		}
	}

	/**
	 * The order's, oldest first: id, note, customer_note, author, date_created_gmt.
	 *
	 * @param int $order The order.
	 * @return array
	 */
	public static function written( int $order ): array {
		$found = array();
		foreach ( wc_get_order_notes( array( 'order_id' => $order ) ) as $note ) {
			if ( self::by_person( $note ) && count( $found ) < self::MOST ) {
				$found[] = array(
					'id'               => (int) $note->id,
					'note'             => (string) $note->content,
					'customer_note'    => (bool) $note->customer_note,
					'author'           => (string) $note->added_by,
					'date_created_gmt' => gmdate( 'Y-m-d\TH:i:s', $note->date_created->getTimestamp() ),
				);
			}
		}
		return array_reverse( $found );
	}

	/**
	 * Whether a person typed it. What WooCommerce adds to what a person does bears that person's name, and since 10.5 a
	 * group.
	 *
	 * @param object|null $note As WooCommerce shows it.
	 */
	public static function by_person( $note ): bool {
		return $note && 'system' !== $note->added_by && ! get_comment_meta( $note->id, 'note_group', true );
	}
}
