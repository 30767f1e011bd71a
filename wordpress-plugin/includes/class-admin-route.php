<?php
/**
 * The settings page's buttons.
 *
 * @package SmartStore
 */

namespace SmartStore\WooCommerce;

defined( 'ABSPATH' ) || exit;

/**
 * REST routes for people who manage the shop: signed in, with WordPress's own nonce.
 */
final class Admin_Route {

	/**
	 * Hooks in.
	 */
	public static function listen() {
		add_action( 'rest_api_init', array( self::class, 'register' ) );
	}

	/**
	 * Registers the routes.
	 */
	public static function register() {
		$routes = array(
			'status' => array( 'GET', array( Status::class, 'all' ) ),
			'test'   => array( 'POST', array( self::class, 'test' ) ),
			'resync' => array( 'POST', array( self::class, 'resync' ) ),
			'pair'   => array( 'POST', array( self::class, 'pair' ) ),
		);
		foreach ( $routes as $name => list( $method, $callback ) ) {
			register_rest_route(
				Route::SPACE,
				'/admin/' . $name,
				array(
					'methods'             => $method,
					'callback'            => $callback,
					'permission_callback' => static function () {
						return current_user_can( 'manage_woocommerce' );
					},
				)
			);
		}
	}

	/**
	 * Test connection. Good news is a reason to send what waits.
	 */
	public static function test(): array {
		$steps = Connection::test();
		if ( Connection::is_good( $steps ) ) {
			Sender::hurry();
		}
		return array( 'steps' => $steps );
	}

	/**
	 * Sync all products, or all orders.
	 *
	 * @param \WP_REST_Request $request what: products or orders.
	 * @return array|\WP_Error
	 */
	public static function resync( $request ) {
		$what = (string) $request['what'];
		if ( ! isset( Resync::KINDS[ $what ] ) ) {
			return new \WP_Error( 'rest_invalid_param', 'what', array( 'status' => 400 ) );
		}
		if ( ! Settings::complete() ) {
			return new \WP_Error( 'smartstore_not_connected', __( 'Connect first: paste a pairing code, or fill in the settings and save.', 'smartstore-woocommerce' ), array( 'status' => 409 ) );
		}
		Resync::start( $what );
		return Status::all();
	}

	/**
	 * Pairs with a code.
	 *
	 * @param \WP_REST_Request $request code.
	 */
	public static function pair( $request ): array {
		return Pairing::pair( (string) $request['code'] );
	}
}
