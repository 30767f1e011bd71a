<?php
/**
 * Etags of items, in every REST answer.
 *
 * @package SmartStore
 */

namespace SmartStore\WooCommerce;

defined( 'ABSPATH' ) || exit;

/**
 * Equal etags are equal items, whoever changed them and by whatever way.
 */
final class Etag {

	const FIELD = 'smartstore_etag';

	/**
	 * A variation's own weight and dimensions: core shows its product's where it has none, even to editors.
	 */
	const OWN = 'smartstore_own';

	/**
	 * Not of the item itself: counted, random, or told differently to each caller. Customers' meta entries are shown to
	 * administrators only and are written at each of their visits.
	 */
	const NOT_CONTENT = array(
		self::FIELD,
		'_links',
		'permalink',
		'price_html',
		'related_ids',
		'total_sales',
		'average_rating',
		'rating_count',
		'purchasable',
		'payment_url',
		'avatar_url',
	);

	/**
	 * Hooks into core's REST answers.
	 */
	public static function listen() {
		add_filter( 'woocommerce_rest_prepare_product_object', array( self::class, 'add_to_product' ), 99, 3 );
		add_filter( 'woocommerce_rest_prepare_product_variation_object', array( self::class, 'add_to_variation' ), 99, 3 );
		add_filter( 'woocommerce_rest_prepare_shop_order_object', array( self::class, 'add_to_order' ), 99, 3 );
		add_filter( 'woocommerce_rest_prepare_customer', array( self::class, 'add_to_customer' ), 99, 3 );
		foreach ( array( 'product', 'product_variation', 'shop_order' ) as $type ) {
			add_filter( "woocommerce_rest_pre_insert_{$type}_object", array( Revision::class, 'protect' ) );
		}
	}

	/**
	 * Sixteen hex digits of a REST resource (context=edit). Pure.
	 *
	 * @param array $resource The resource.
	 */
	public static function of( array $resource ): string {
		$plain = json_decode( wp_json_encode( $resource ), true );
		foreach ( array_keys( $plain ) as $name ) {
			if ( 0 === strpos( $name, 'date_' ) || in_array( $name, self::NOT_CONTENT, true ) ) {
				unset( $plain[ $name ] );
			}
		}
		$entries = array();
		foreach ( $plain['meta_data'] ?? array() as $entry ) {
			if ( 0 !== strpos( (string) $entry['key'], '_smartstore' ) ) {
				$entries[] = $entry;
			}
		}
		$plain['meta_data'] = isset( $plain['role'] ) ? array() : $entries;
		self::sort( $plain );
		// An image's address has the scheme of the request that asks.
		$text = preg_replace( '#https?:\\\\?/\\\\?/#', '//', wp_json_encode( $plain ) );
		return substr( hash( 'sha256', $text ), 0, 16 );
	}

	/**
	 * Sorts the keys of objects, all the way down; lists stay as they are.
	 *
	 * @param array $value Decoded JSON.
	 */
	private static function sort( array &$value ) {
		if ( $value && array_keys( $value ) !== range( 0, count( $value ) - 1 ) ) {
			ksort( $value, SORT_STRING );
		}
		foreach ( $value as &$inner ) {
			if ( is_array( $inner ) ) {
				self::sort( $inner );
			}
		}
	}

	/**
	 * Core's answer of a product.
	 *
	 * @param \WP_REST_Response $response Its answer.
	 * @param \WC_Product       $product  The item.
	 * @param \WP_REST_Request  $request  The request.
	 * @return \WP_REST_Response
	 */
	public static function add_to_product( $response, $product, $request ) {
		// A variation may be shown by core's product route, too.
		$kind = $product instanceof \WC_Product_Variation ? 'variation' : 'product';
		return self::add( $response, $request, $kind, $product->get_id() );
	}

	/**
	 * Core's answer of a variation. Core shows its description as rendered even to editors, and its product's weight and
	 * dimensions for those that it has not: ours is as stored.
	 *
	 * @param \WP_REST_Response $response  Its answer.
	 * @param \WC_Product       $variation The item.
	 * @param \WP_REST_Request  $request   The request.
	 * @return \WP_REST_Response
	 */
	public static function add_to_variation( $response, $variation, $request ) {
		if ( Items::$building ) {
			$data = $response->get_data();
			if ( isset( $data['description'] ) ) {
				$data['description'] = $variation->get_description( 'edit' );
			}
			$data[ self::OWN ] = self::own( $variation );
			$response->set_data( array_merge( $data, $data[ self::OWN ] ) );
		}
		return self::add( $response, $request, 'variation', $variation->get_id() );
	}

	/**
	 * A variation's own weight and dimensions, empty texts for none.
	 *
	 * @param \WC_Product $variation The item.
	 */
	private static function own( $variation ): array {
		return array(
			'weight'     => $variation->get_weight( 'edit' ),
			'dimensions' => array(
				'length' => $variation->get_length( 'edit' ),
				'width'  => $variation->get_width( 'edit' ),
				'height' => $variation->get_height( 'edit' ),
			),
		);
	}

	/**
	 * Core's answer of an order.
	 *
	 * @param \WP_REST_Response $response Its answer.
	 * @param \WC_Data          $order    The item.
	 * @param \WP_REST_Request  $request  The request.
	 * @return \WP_REST_Response
	 */
	public static function add_to_order( $response, $order, $request ) {
		return self::add( $response, $request, 'order', $order->get_id() );
	}

	/**
	 * Core's answer of a customer, which leaves out hidden meta entries: our mark and the revision are put in.
	 *
	 * @param \WP_REST_Response $response Its answer.
	 * @param \WP_User          $user     The item.
	 * @param \WP_REST_Request  $request  The request.
	 * @return \WP_REST_Response
	 */
	public static function add_to_customer( $response, $user, $request ) {
		$data = $response->get_data();
		$held = array_values( (array) ( $data['meta_data'] ?? array() ) );
		foreach ( ( new \WC_Customer( $user->ID ) )->get_meta_data() as $entry ) {
			if ( Revision::KEY === $entry->key || Marks::PREFIX . 'customer' === $entry->key ) {
				$held[] = $entry;
			}
		}
		if ( $held && isset( $data['id'] ) ) {
			$data['meta_data'] = $held;
			$response->set_data( $data );
		}
		return self::add( $response, $request, 'customer', (int) $user->ID );
	}

	/**
	 * Puts the etag into an answer.
	 *
	 * @param \WP_REST_Response $response Core's answer.
	 * @param \WP_REST_Request  $request  The request.
	 * @param string            $kind     product, variation, order or customer.
	 * @param int               $id       The item.
	 * @return \WP_REST_Response
	 */
	private static function add( $response, $request, string $kind, int $id ) {
		self::show_count( $response );
		$fields = $request['_fields'];
		if ( ! empty( $fields ) && ! in_array( self::FIELD, wp_parse_list( $fields ), true ) ) {
			return $response;
		}
		$data = $response->get_data();
		if ( Items::$building ) {
			if ( 'order' === $kind ) {
				$data[ Notes::FIELD ] = Notes::written( $id );
			}
			$data[ self::FIELD ] = self::of( $data );
		} else {
			$whole = Items::resource( $kind, $id );
			if ( null === $whole ) {
				return $response;
			}
			$data[ self::FIELD ] = $whole[ self::FIELD ];
			foreach ( array( Notes::FIELD, self::OWN ) as $name ) {
				if ( isset( $whole[ $name ] ) ) {
					$data[ $name ] = $whole[ $name ];
				}
			}
		}
		$response->set_data( $data );
		return $response;
	}

	/**
	 * Shows the revision as the number it is: WordPress keeps meta values as text.
	 *
	 * @param \WP_REST_Response $response Core's answer.
	 */
	private static function show_count( $response ) {
		$data = $response->get_data();
		foreach ( (array) ( $data['meta_data'] ?? array() ) as $place => $entry ) {
			if ( $entry instanceof \WC_Meta_Data && Revision::KEY === $entry->key ) {
				$shown = $entry->get_data();

				$shown['value']              = (int) $shown['value'];
				$data['meta_data'][ $place ] = $shown;
				$response->set_data( $data );
			}
		}
	}
}
