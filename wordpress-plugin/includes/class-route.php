<?php
/**
 * The sync route.
 *
 * @package SmartStore
 */

namespace SmartStore\WooCommerce;

defined( 'ABSPATH' ) || exit;

/**
 * GET and POST /smartstore/v1/sync, POST /digest, GET /items: with a WooCommerce key, as core's REST API.
 */
final class Route {

	const SPACE          = 'smartstore/v1';
	const PROTOCOL       = 1;
	const MAX_OPERATIONS = 100;
	const SECONDS        = 5; // SmartStore waits ten for an answer; what is left by then it sends again.
	const RESOURCES      = array( 'product', 'variation', 'order', 'customer' );

	/**
	 * Hooks in.
	 */
	public static function listen() {
		add_action( 'rest_api_init', array( self::class, 'register' ) );
		add_filter( 'woocommerce_rest_is_request_to_rest_api', array( self::class, 'take_keys' ) );
		add_filter( 'rest_pre_dispatch', array( self::class, 'say_cannot_edit' ), 20, 3 );
	}

	/**
	 * Makes WooCommerce check its keys on these routes, too.
	 *
	 * @param bool $is_core Whether it would anyway.
	 */
	public static function take_keys( $is_core ) {
		if ( $is_core || empty( $_SERVER['REQUEST_URI'] ) ) {
			return $is_core;
		}
		$path = (string) wp_parse_url( esc_url_raw( wp_unslash( $_SERVER['REQUEST_URI'] ) ), PHP_URL_PATH );
		return (bool) preg_match( '#/' . preg_quote( rest_get_url_prefix() . '/' . self::SPACE, '#' ) . '/(sync|digest|items)/?$#', $path );
	}

	/**
	 * A read-only key that writes: the same code as for a person without the right.
	 *
	 * @param mixed            $result  What was decided so far.
	 * @param \WP_REST_Server  $server  The server.
	 * @param \WP_REST_Request $request The request.
	 * @return mixed
	 */
	public static function say_cannot_edit( $result, $server, $request ) {
		$ours = 0 === strpos( $request->get_route(), '/' . self::SPACE . '/' );
		if ( $ours && is_wp_error( $result ) && 'woocommerce_rest_authentication_error' === $result->get_error_code() && 'POST' === $request->get_method() ) {
			return new \WP_Error( 'woocommerce_rest_cannot_edit', __( 'This key may only read. Make one with read and write permission.', 'smartstore-woocommerce' ), array( 'status' => 401 ) );
		}
		return $result;
	}

	/**
	 * Registers the routes.
	 */
	public static function register() {
		$may_read = static function () {
			return self::may( 'woocommerce_rest_cannot_view', __( 'Sorry, you cannot view this.', 'smartstore-woocommerce' ) );
		};
		$may_edit = static function () {
			return self::may( 'woocommerce_rest_cannot_edit', __( 'Sorry, you are not allowed to edit this.', 'smartstore-woocommerce' ) );
		};
		$routes   = array(
			array( '/sync', 'GET', 'describe', $may_read ),
			array( '/sync', 'POST', 'sync', $may_edit ),
			array( '/digest', 'POST', 'digest', $may_read ),
			array( '/items', 'GET', 'items', $may_read ),
		);
		foreach ( $routes as list( $path, $method, $callback, $allowed ) ) {
			register_rest_route(
				self::SPACE,
				$path,
				array(
					'methods'             => $method,
					'callback'            => array( self::class, $callback ),
					'permission_callback' => $allowed,
				)
			);
		}
	}

	/**
	 * Whether the caller manages the shop.
	 *
	 * @param string $code    REST error code.
	 * @param string $message Its words.
	 * @return true|\WP_Error
	 */
	private static function may( string $code, string $message ) {
		return current_user_can( 'manage_woocommerce' ) ? true : new \WP_Error( $code, $message, array( 'status' => rest_authorization_required_code() ) );
	}

	/**
	 * What the plugin can do.
	 */
	public static function describe(): array {
		return array(
			'plugin'         => VERSION,
			'protocol'       => self::PROTOCOL,
			'max_operations' => self::MAX_OPERATIONS,
		);
	}

	/**
	 * Runs operations, each for itself, and answers in their order.
	 *
	 * @param \WP_REST_Request $request The request.
	 * @return array|\WP_Error
	 */
	public static function sync( $request ) {
		$body       = $request->get_json_params();
		$operations = $body['operations'] ?? null;
		if ( ! is_array( $operations ) || ( $operations && array_keys( $operations ) !== range( 0, count( $operations ) - 1 ) ) ) {
			return self::missing( 'operations' );
		}
		if ( count( $operations ) > self::MAX_OPERATIONS ) {
			return self::too_many( self::MAX_OPERATIONS );
		}
		wc_set_time_limit( 300 );
		$until   = microtime( true ) + self::SECONDS;
		$results = array();
		foreach ( $operations as $operation ) {
			$results[] = microtime( true ) < $until ? Operation::run( $operation ) : Operation::later( $operation );
		}
		return array( 'results' => $results );
	}

	/**
	 * The digest of some items, or their etags.
	 *
	 * @param \WP_REST_Request $request The request.
	 * @return array|\WP_Error
	 */
	public static function digest( $request ) {
		$body = $request->get_json_params();
		$ids  = $body['ids'] ?? null;
		if ( ! is_array( $ids ) ) {
			return self::missing( 'ids' );
		}
		if ( count( $ids ) > Digest::MOST ) {
			return self::too_many( Digest::MOST );
		}
		if ( ! in_array( $body['resource'] ?? '', self::RESOURCES, true ) || array_filter( $ids, array( self::class, 'is_no_id' ) ) ) {
			return self::invalid( 'resource, ids' );
		}
		$ids   = array_map( 'strval', array_values( $ids ) );
		$etags = Digest::etags( $body['resource'], $ids );
		if ( ! empty( $body['each'] ) ) {
			return array( 'items' => (object) $etags );
		}
		return array(
			'digest' => Digest::of( $ids, $etags ),
			'count'  => count( $etags ),
		);
	}

	/**
	 * A page of ids.
	 *
	 * @param \WP_REST_Request $request The request.
	 * @return array|\WP_Error
	 */
	public static function items( $request ) {
		$resource = (string) $request['resource'];
		$after    = isset( $request['after'] ) && '' !== $request['after'] ? $request['after'] : '0';
		$limit    = $request['limit'] ?? Digest::MOST;
		if ( ! in_array( $resource, self::RESOURCES, true ) || self::is_no_id( $after ) || ! ctype_digit( (string) $limit ) || $limit < 1 || $limit > Digest::MOST ) {
			return self::invalid( 'resource, after, limit' );
		}
		return Digest::listed( $resource, (string) $after, (int) $limit );
	}

	/**
	 * Whether a value cannot be an id.
	 *
	 * @param mixed $value Decoded JSON.
	 */
	public static function is_no_id( $value ): bool {
		return ! is_scalar( $value ) || is_bool( $value ) || ! preg_match( '/^(\d+:)?\d+$/', (string) $value );
	}

	/**
	 * A field is missing.
	 *
	 * @param string $name Its name.
	 */
	private static function missing( string $name ): \WP_Error {
		/* translators: %s: names of fields. */
		return new \WP_Error( 'rest_missing_callback_param', sprintf( __( 'Missing parameter(s): %s', 'smartstore-woocommerce' ), $name ), array( 'status' => 400 ) );
	}

	/**
	 * A field is wrong.
	 *
	 * @param string $names Names of fields, one of which it is.
	 */
	private static function invalid( string $names ): \WP_Error {
		/* translators: %s: names of fields. */
		return new \WP_Error( 'rest_invalid_param', sprintf( __( 'Invalid parameter(s): %s', 'smartstore-woocommerce' ), $names ), array( 'status' => 400 ) );
	}

	/**
	 * There is too much.
	 *
	 * @param int $most How much it may be.
	 */
	private static function too_many( int $most ): \WP_Error {
		return new \WP_Error(
			'woocommerce_rest_request_entity_too_large',
			/* translators: %s: a number. */
			sprintf( __( 'Unable to accept more than %s items for this request.', 'smartstore-woocommerce' ), $most ),
			array( 'status' => 413 )
		);
	}
}
