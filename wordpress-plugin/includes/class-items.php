<?php
/**
 * Items of the shop as REST resources.
 *
 * @package SmartStore
 */

namespace SmartStore\WooCommerce;

use Automattic\WooCommerce\Utilities\OrderUtil;

defined( 'ABSPATH' ) || exit;

/**
 * Finding, showing and writing items through WooCommerce's own REST controllers, so that fields, checks and error codes
 * are those of its REST API.
 */
final class Items {

	const UNFINISHED = array( 'auto-draft', 'checkout-draft' );

	/**
	 * Whether a resource is being built for the plugin itself.
	 *
	 * @var bool
	 */
	public static $building = false;

	/**
	 * What an id is: product, variation, order, customer, or an empty text for none of a shop.
	 *
	 * @param string $resource product, variation, stock, order or customer.
	 * @param int    $id       The item.
	 * @param int    $parent   The product of a variation, 0 for whichever.
	 */
	public static function kind( string $resource, int $id, int $parent = 0 ): string {
		if ( 'customer' === $resource ) {
			return get_userdata( $id ) ? 'customer' : '';
		}
		if ( 'order' === $resource ) {
			$order = wc_get_order( $id );
			return $order && 'shop_order' === $order->get_type() && ! $order->has_status( self::UNFINISHED ) ? 'order' : '';
		}
		$post = get_post( $id );
		if ( ! $post || 'auto-draft' === $post->post_status ) {
			return '';
		}
		if ( 'product' === $post->post_type ) {
			return 'variation' === $resource ? '' : 'product';
		}
		if ( 'product_variation' !== $post->post_type || 'product' === $resource ) {
			return '';
		}
		return $parent && (int) $post->post_parent !== $parent ? '' : 'variation';
	}

	/**
	 * The WooCommerce object, read anew.
	 *
	 * @param string $kind product, variation, order or customer.
	 * @param int    $id   The item.
	 * @return \WC_Data|null
	 * @throws Unreadable Where it is there and cannot be read.
	 */
	public static function load( string $kind, int $id ) {
		if ( 'customer' === $kind ) {
			$customer = get_userdata( $id ) ? new \WC_Customer( $id ) : null;
			return $customer && $customer->get_id() ? $customer : null;
		}
		$found = 'order' === $kind ? wc_get_order( $id ) : wc_get_product( $id );
		if ( ! $found && self::is_stored( $kind, $id ) ) {
			// WooCommerce swallows errors while it reads: what could not be read is not gone.
			throw new Unreadable( "The shop could not read $kind $id just now." );
		}
		return $found ? $found : null;
	}

	/**
	 * Whether the database has a row for the item.
	 *
	 * @param string $kind product, variation or order.
	 * @param int    $id   The item.
	 * @throws Unreadable Where the database does not answer.
	 */
	private static function is_stored( string $kind, int $id ): bool {
		global $wpdb;
		if ( 'order' === $kind && OrderUtil::custom_orders_table_usage_is_enabled() ) {
			$found = $wpdb->get_var( $wpdb->prepare( 'SELECT 1 FROM %i WHERE id = %d', OrderUtil::get_table_for_orders(), $id ) );
		} else {
			$types = 'order' === $kind ? array( 'shop_order', 'shop_order' ) : array( 'product', 'product_variation' );
			$found = $wpdb->get_var( $wpdb->prepare( "SELECT 1 FROM $wpdb->posts WHERE ID = %d AND post_type IN ( %s, %s )", $id, $types[0], $types[1] ) );
		}
		if ( '' !== $wpdb->last_error ) {
			throw new Unreadable( 'The database does not answer just now.' );
		}
		return null !== $found;
	}

	/**
	 * The REST resource as the shop holds it (context=edit), with smartstore_etag; null for no such item.
	 *
	 * @param string $kind product, variation, order or customer.
	 * @param int    $id   The item.
	 * @return array|null
	 */
	public static function resource( string $kind, int $id ) {
		$object = self::load( $kind, $id );
		if ( ! $object ) {
			return null;
		}
		$request        = self::request( 'GET', $kind, $id, array( 'context' => 'edit' ) );
		$before         = self::$building;
		self::$building = true;
		try {
			$response = self::controller( $kind )->get_item( $request );
		} finally {
			self::$building = $before;
		}
		return is_wp_error( $response ) ? null : $response->get_data();
	}

	/**
	 * Whether the resource is in the trash.
	 *
	 * @param array $resource A REST resource.
	 */
	public static function trashed( array $resource ): bool {
		return isset( $resource['status'] ) && 'trash' === $resource['status'];
	}

	/**
	 * Creates (id 0) or changes an item as a REST request would.
	 *
	 * @param string $kind   product, variation, order or customer.
	 * @param int    $id     The item, 0 for a new one.
	 * @param array  $want   REST fields.
	 * @param int    $parent The product of a new variation.
	 * @return int The item.
	 * @throws Refused With WooCommerce's error code.
	 */
	public static function save( string $kind, int $id, array $want, int $parent = 0 ): int {
		$controller = self::controller( $kind );
		$request    = self::request( $id ? 'PUT' : 'POST', $kind, $id, array(), $parent );
		$method     = $id ? \WP_REST_Server::EDITABLE : \WP_REST_Server::CREATABLE;
		$request->set_body_params( $want );
		$request->set_attributes( array( 'args' => $controller->get_endpoint_args_for_item_schema( $method ) ) );
		self::insist( $request->has_valid_params() );
		self::insist( $request->sanitize_params() );
		self::insist( $id ? $controller->update_item_permissions_check( $request ) : $controller->create_item_permissions_check( $request ) );
		// Who became a customer elsewhere expects no letter about an account here.
		add_filter( 'woocommerce_email_enabled_customer_new_account', '__return_false' );
		try {
			$response = $id ? $controller->update_item( $request ) : $controller->create_item( $request );
		} finally {
			remove_filter( 'woocommerce_email_enabled_customer_new_account', '__return_false' );
		}
		self::insist( $response );
		$made = (int) $response->get_data()['id'];
		self::forget( $kind, $made );
		return $made;
	}

	/**
	 * Moves an item to the trash.
	 *
	 * @param string $kind product, variation or order.
	 * @param int    $id   The item.
	 * @throws Refused With WooCommerce's error code.
	 */
	public static function trash( string $kind, int $id ) {
		if ( 'customer' === $kind ) {
			throw new Refused( 'woocommerce_rest_trash_not_supported', __( 'Customers do not support trashing.', 'smartstore-woocommerce' ) );
		}
		if ( 'variation' === $kind ) {
			// Core's REST deletes variations for good only; WordPress itself can put them in the trash.
			if ( ! wp_trash_post( $id ) ) {
				throw new Refused( 'woocommerce_rest_cannot_delete', __( 'The variation could not be moved to the trash.', 'smartstore-woocommerce' ) );
			}
		} else {
			$controller = self::controller( $kind );
			$request    = self::request( 'DELETE', $kind, $id, array( 'force' => false ) );
			self::insist( $controller->delete_item_permissions_check( $request ) );
			self::insist( $controller->delete_item( $request ) );
		}
		self::forget( $kind, $id );
	}

	/**
	 * Lets go of everything that is remembered of an item, so that it is read from the database.
	 *
	 * @param string $kind product, variation, order or customer.
	 * @param int    $id   The item.
	 */
	public static function forget( string $kind, int $id ) {
		if ( 'customer' === $kind ) {
			clean_user_cache( $id );
			\WC_Cache_Helper::invalidate_cache_group( 'object_' . $id );
			return;
		}
		wp_cache_delete( $id, 'posts' );
		wp_cache_delete( $id, 'post_meta' );
		wp_cache_delete( \WC_Data::generate_meta_cache_key( $id, 'order' === $kind ? 'orders' : 'products' ), 'order' === $kind ? 'orders' : 'products' );
		if ( 'order' === $kind ) {
			wc_get_container()->get( \Automattic\WooCommerce\Caches\OrderCache::class )->remove( $id );
			$store = \WC_Data_Store::load( 'order' );
			if ( Tables::orders_apart() && method_exists( $store->get_current_class_name(), 'clear_cached_data' ) ) {
				$store->clear_cached_data( array( $id ) );
			}
			return;
		}
		clean_object_term_cache( $id, 'variation' === $kind ? 'product_variation' : 'product' );
		\WC_Cache_Helper::invalidate_cache_group( 'product_' . $id );
		wp_cache_delete( 'lookup_table', 'object_' . $id );
		$cache = \Automattic\WooCommerce\Internal\Caches\ProductCache::class;
		if ( class_exists( $cache ) ) {
			wc_get_container()->get( $cache )->remove( $id );
		}
	}

	/**
	 * WooCommerce's REST controller of a kind.
	 *
	 * @param string $kind product, variation, order or customer.
	 * @return \WC_REST_Controller
	 */
	private static function controller( string $kind ) {
		static $made = array();
		$classes     = array(
			'product'   => \WC_REST_Products_Controller::class,
			'variation' => \WC_REST_Product_Variations_Controller::class,
			'order'     => \WC_REST_Orders_Controller::class,
			'customer'  => \WC_REST_Customers_Controller::class,
		);
		if ( ! isset( $made[ $kind ] ) ) {
			$made[ $kind ] = new $classes[ $kind ]();
		}
		return $made[ $kind ];
	}

	/**
	 * A request to core's route of an item.
	 *
	 * @param string $verb   GET, PUT, POST or DELETE.
	 * @param string $kind   product, variation, order or customer.
	 * @param int    $id     The item, 0 for none.
	 * @param array  $query  Query parameters.
	 * @param int    $parent The product of a new variation.
	 */
	private static function request( string $verb, string $kind, int $id, array $query, int $parent = 0 ): \WP_REST_Request {
		if ( 'variation' === $kind ) {
			$parent = $parent ? $parent : (int) wp_get_post_parent_id( $id );
			$base   = "/wc/v3/products/$parent/variations";
		} else {
			$base = '/wc/v3/' . $kind . 's';
		}
		$request = new \WP_REST_Request( $verb, $id ? "$base/$id" : $base );
		$request->set_url_params( array_filter( array( 'id' => $id, 'product_id' => $parent ) ) ); // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing
		$request->set_query_params( $query );
		return $request;
	}

	/**
	 * Raises what a REST function refused.
	 *
	 * @param mixed $answer Its answer.
	 * @throws Refused With its error code.
	 */
	private static function insist( $answer ) {
		if ( is_wp_error( $answer ) ) {
			throw new Refused( (string) $answer->get_error_code(), (string) $answer->get_error_message() );
		}
		if ( false === $answer ) {
			throw new Refused( 'rest_forbidden', __( 'This key may not do that.', 'smartstore-woocommerce' ) );
		}
	}
}
