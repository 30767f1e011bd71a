<?php
/**
 * Every change of an item, whoever makes it.
 *
 * @package SmartStore
 */

namespace SmartStore\WooCommerce;

defined( 'ABSPATH' ) || exit;

/**
 * Hooks of WooCommerce and WordPress to revision and outbox. What is written past all hooks (SQL) shows in the etag.
 */
final class Changes {

	/**
	 * Meta keys that are no change of an item: locks of editors, counters of visits and ratings.
	 */
	const IDLE_META = array(
		'_edit_lock',
		'_edit_last',
		'_pingme',
		'_encloseme',
		'_product_version',
		'total_sales',
		'_wc_average_rating',
		'_wc_rating_count',
		'_wc_review_count',
		'wc_last_active',
		'session_tokens',
	);

	/**
	 * Posts written around WooCommerce's own functions in this request: id to kind.
	 *
	 * @var array<int, string>
	 */
	private static $touched = array();

	/**
	 * Hooks in.
	 */
	public static function listen() {
		foreach ( array( 'product', 'product_variation' ) as $type ) {
			add_action( "woocommerce_new_$type", array( self::class, 'product_saved' ), 99 );
			add_action( "woocommerce_update_$type", array( self::class, 'product_saved' ), 99 );
		}
		add_action( 'woocommerce_product_set_stock', array( self::class, 'stock_moved' ), 99 );
		add_action( 'woocommerce_variation_set_stock', array( self::class, 'stock_moved' ), 99 );
		add_action( 'transition_post_status', array( self::class, 'product_status' ), 99, 3 );
		add_action( 'trashed_post', array( self::class, 'product_trashed' ), 99 );
		add_action( 'untrashed_post', array( self::class, 'product_back' ), 99 );
		add_action( 'before_delete_post', array( self::class, 'product_removed' ), 99 );
		foreach ( array( 'added', 'updated', 'deleted' ) as $event ) {
			add_action( "{$event}_post_meta", array( self::class, 'meta_written' ), 99, 3 );
		}
		add_action( 'post_updated', array( self::class, 'post_written' ), 99 );
		add_action( 'set_object_terms', array( self::class, 'terms_set' ), 99, 4 );
		add_action( 'woocommerce_product_duplicate_before_save', array( self::class, 'strip_copy' ) );
		self::listen_to_orders();
		self::listen_to_customers();
		add_action( 'shutdown', array( self::class, 'settle' ), 5 );
	}

	/**
	 * Hooks of orders.
	 */
	private static function listen_to_orders() {
		add_action( 'woocommerce_new_order', array( self::class, 'order_placed' ), 99 );
		foreach ( array( 'update_order', 'untrash_order', 'order_refunded' ) as $event ) {
			add_action( "woocommerce_$event", array( self::class, 'order_changed' ), 99 );
		}
		add_action( 'woocommerce_refund_deleted', array( self::class, 'refund_deleted' ), 99, 2 );
		add_action( 'woocommerce_trash_order', array( self::class, 'order_trashed' ), 99 );
		add_action( 'woocommerce_before_delete_order', array( self::class, 'order_removed' ), 99 );
	}

	/**
	 * Hooks of customers.
	 */
	private static function listen_to_customers() {
		add_action( 'user_register', array( self::class, 'customer_made' ), 99 );
		foreach ( array( 'woocommerce_new_customer', 'woocommerce_update_customer', 'profile_update' ) as $hook ) {
			add_action( $hook, array( self::class, 'customer_changed' ), 99 );
		}
		add_action( 'delete_user', array( self::class, 'customer_removed' ), 99 );
	}

	/**
	 * Counts a change and puts its delivery into the outbox.
	 *
	 * @param string $kind  product, variation, order or customer.
	 * @param int    $id    The item.
	 * @param string $event created, updated or deleted.
	 */
	private static function note( string $kind, int $id, string $event ) {
		unset( self::$touched[ $id ] );
		if ( Marks::$writing ) {
			return;
		}
		Revision::raise( $kind, $id );
		if ( Settings::follows( $kind ) ) {
			Outbox::add( $kind, $id, $event );
		}
	}

	/**
	 * The kind of a post, an empty text where it is none of ours.
	 *
	 * @param int $id The post.
	 */
	private static function post_kind( int $id ): string {
		$kinds = array(
			'product'           => 'product',
			'product_variation' => 'variation',
		);
		return $kinds[ get_post_type( $id ) ] ?? '';
	}

	/**
	 * A product or variation was saved. A new one was noted as such when its post was made.
	 *
	 * @param int $id The item.
	 */
	public static function product_saved( $id ) {
		$kind = self::post_kind( (int) $id );
		if ( '' !== $kind && 'auto-draft' !== get_post_status( $id ) ) {
			self::note( $kind, (int) $id, 'updated' );
		}
	}

	/**
	 * Stock was set, sold or given back.
	 *
	 * @param \WC_Product $product The item.
	 */
	public static function stock_moved( $product ) {
		self::note( $product instanceof \WC_Product_Variation ? 'variation' : 'product', $product->get_id(), 'updated' );
	}

	/**
	 * A product left the editor's empty window, or was made.
	 *
	 * @param string   $now    Status.
	 * @param string   $before Status before.
	 * @param \WP_Post $post   The post.
	 */
	public static function product_status( $now, $before, $post ) {
		$unborn = array( 'new', 'auto-draft' );
		$kind   = self::post_kind( (int) $post->ID );
		if ( '' !== $kind && in_array( $before, $unborn, true ) && ! in_array( $now, array( 'auto-draft', 'trash', 'inherit' ), true ) ) {
			self::note( $kind, (int) $post->ID, 'created' );
		}
	}

	/**
	 * A product or variation went to the trash.
	 *
	 * @param int $id The item.
	 */
	public static function product_trashed( $id ) {
		$kind = self::post_kind( (int) $id );
		if ( '' !== $kind ) {
			self::note( $kind, (int) $id, 'deleted' );
		}
	}

	/**
	 * A product or variation came back from the trash.
	 *
	 * @param int $id The item.
	 */
	public static function product_back( $id ) {
		$kind = self::post_kind( (int) $id );
		if ( '' !== $kind ) {
			self::note( $kind, (int) $id, 'updated' );
		}
	}

	/**
	 * A product or variation is deleted for good.
	 *
	 * @param int $id The item.
	 */
	public static function product_removed( $id ) {
		$kind = self::post_kind( (int) $id );
		if ( '' !== $kind && 'auto-draft' !== get_post_status( $id ) && Settings::follows( $kind ) ) {
			unset( self::$touched[ (int) $id ] );
			Outbox::add( $kind, (int) $id, 'deleted' );
		}
	}

	/**
	 * A meta entry of a post was written, by whomever. WooCommerce's own saves write many and end with a hook of their
	 * own, which settles them.
	 *
	 * @param mixed  $entry Its id or ids.
	 * @param int    $id    The post.
	 * @param string $key   Its key.
	 */
	public static function meta_written( $entry, $id, $key ) {
		$idle = in_array( $key, self::IDLE_META, true ) || 0 === strpos( $key, Marks::PREFIX ) || 0 === strpos( $key, '_wp_' );
		if ( ! $idle && ! Marks::$writing ) {
			self::touch( (int) $id );
		}
	}

	/**
	 * A post was written, by whomever.
	 *
	 * @param int $id The post.
	 */
	public static function post_written( $id ) {
		self::touch( (int) $id );
	}

	/**
	 * A copy of a product is another item: it has neither the mark nor the count of the first one.
	 *
	 * @param \WC_Product $copy Not saved yet.
	 */
	public static function strip_copy( $copy ) {
		foreach ( $copy->get_meta_data() as $entry ) {
			if ( 0 === strpos( $entry->key, Marks::PREFIX ) ) {
				$copy->delete_meta_data( $entry->key );
			}
		}
	}

	/**
	 * Categories, tags or attributes of a post were set.
	 *
	 * @param int    $id       The post.
	 * @param array  $terms    Terms.
	 * @param array  $ids      Their ids.
	 * @param string $taxonomy The taxonomy.
	 */
	public static function terms_set( $id, $terms, $ids, $taxonomy ) {
		if ( 'action-group' !== $taxonomy ) {
			self::touch( (int) $id );
		}
	}

	/**
	 * Notes a post to settle at the end of the request, unless a hook does it before.
	 *
	 * @param int $id The post.
	 */
	private static function touch( int $id ) {
		$kind = isset( self::$touched[ $id ] ) ? '' : self::post_kind( $id );
		if ( '' !== $kind ) {
			self::$touched[ $id ] = $kind;
		}
	}

	/**
	 * At the end of the request: what was written around WooCommerce's functions.
	 */
	public static function settle() {
		foreach ( self::$touched as $id => $kind ) {
			if ( ! in_array( get_post_status( $id ), array( false, 'auto-draft' ), true ) ) {
				self::note( $kind, $id, 'updated' );
			}
		}
	}

	/**
	 * An order was placed.
	 *
	 * @param int $id The order.
	 */
	public static function order_placed( $id ) {
		self::order( (int) $id, 'created' );
	}

	/**
	 * An order was changed, refunded, or came back from the trash.
	 *
	 * @param int $id The order.
	 */
	public static function order_changed( $id ) {
		self::order( (int) $id, 'updated' );
	}

	/**
	 * A refund was deleted.
	 *
	 * @param int $refund The refund.
	 * @param int $id     Its order.
	 */
	public static function refund_deleted( $refund, $id ) {
		self::order( (int) $id, 'updated' );
	}

	/**
	 * An order went to the trash.
	 *
	 * @param int $id The order.
	 */
	public static function order_trashed( $id ) {
		self::order( (int) $id, 'deleted' );
	}

	/**
	 * An order is deleted for good.
	 *
	 * @param int $id The order.
	 */
	public static function order_removed( $id ) {
		if ( '' !== Items::kind( 'order', (int) $id ) && Settings::follows( 'order' ) ) {
			Outbox::add( 'order', (int) $id, 'deleted' );
		}
	}

	/**
	 * Notes an order, unless it is a checkout that is still being filled in.
	 *
	 * @param int    $id    The order.
	 * @param string $event created, updated or deleted.
	 */
	private static function order( int $id, string $event ) {
		if ( '' !== Items::kind( 'order', $id ) ) {
			self::note( 'order', $id, $event );
		}
	}

	/**
	 * Someone registered.
	 *
	 * @param int $id The user.
	 */
	public static function customer_made( $id ) {
		self::customer( (int) $id, 'created' );
	}

	/**
	 * A customer was changed.
	 *
	 * @param int $id The user.
	 */
	public static function customer_changed( $id ) {
		self::customer( (int) $id, 'updated' );
	}

	/**
	 * A customer is deleted.
	 *
	 * @param int $id The user.
	 */
	public static function customer_removed( $id ) {
		if ( self::is_customer( (int) $id ) && Settings::follows( 'customer' ) ) {
			Outbox::add( 'customer', (int) $id, 'deleted' );
		}
	}

	/**
	 * Notes a user who is a customer; people who run the shop are none.
	 *
	 * @param int    $id    The user.
	 * @param string $event created or updated.
	 */
	private static function customer( int $id, string $event ) {
		if ( self::is_customer( $id ) ) {
			self::note( 'customer', $id, $event );
		}
	}

	/**
	 * Whether a user is a customer.
	 *
	 * @param int $id The user.
	 */
	private static function is_customer( int $id ): bool {
		$user = get_userdata( $id );
		return $user && in_array( 'customer', (array) $user->roles, true );
	}
}
