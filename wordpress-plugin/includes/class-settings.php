<?php
/**
 * What the shop owner has set.
 *
 * @package SmartStore
 */

namespace SmartStore\WooCommerce;

defined( 'ABSPATH' ) || exit;

/**
 * One option: api_url, api_key, organization_id, webhook_secret (texts); sync_products, sync_orders, auto_sync (bool).
 */
final class Settings {

	const OPTION   = 'smartstore_settings';
	const SECRETS  = array( 'api_key', 'webhook_secret' );
	const SWITCHES = array( 'sync_products', 'sync_orders', 'auto_sync' );
	const DEFAULTS = array(
		'api_url'         => '',
		'api_key'         => '',
		'organization_id' => '',
		'webhook_secret'  => '',
		'sync_products'   => true,
		'sync_orders'     => true,
		'auto_sync'       => true,
	);

	/**
	 * All settings, with defaults.
	 *
	 * @return array
	 */
	public static function all(): array {
		$held = get_option( self::OPTION );
		return array_merge( self::DEFAULTS, is_array( $held ) ? $held : array() );
	}

	/**
	 * One setting.
	 *
	 * @param string $name Its name.
	 * @return string|bool
	 */
	public static function get( string $name ) {
		return self::all()[ $name ];
	}

	/**
	 * Changes the named settings.
	 *
	 * @param array $changes Name to value.
	 */
	public static function change( array $changes ) {
		update_option( self::OPTION, array_merge( self::all(), $changes ), true );
	}

	/**
	 * What a form or a pairing code gave, made clean. An empty secret keeps the one that is there: secrets are never
	 * shown, so that a form cannot send them back.
	 *
	 * @param mixed $given Name to value.
	 * @return array All settings.
	 */
	public static function clean( $given ): array {
		$given = is_array( $given ) ? $given : array();
		$held  = self::all();
		$clean = $held;
		if ( isset( $given['api_url'] ) ) {
			$clean['api_url'] = untrailingslashit( esc_url_raw( trim( (string) $given['api_url'] ), array( 'http', 'https' ) ) );
		}
		if ( isset( $given['organization_id'] ) ) {
			$clean['organization_id'] = sanitize_text_field( (string) $given['organization_id'] );
		}
		foreach ( self::SECRETS as $name ) {
			$typed = isset( $given[ $name ] ) ? trim( (string) $given[ $name ] ) : '';
			if ( '' !== $typed ) {
				$clean[ $name ] = $typed;
			}
		}
		foreach ( self::SWITCHES as $name ) {
			$clean[ $name ] = ! empty( $given[ $name ] );
		}
		return $clean;
	}

	/**
	 * Whether deliveries have a place to go to.
	 */
	public static function complete(): bool {
		$held = self::all();
		return '' !== $held['api_url'] && '' !== $held['organization_id'] && '' !== $held['webhook_secret'];
	}

	/**
	 * Where deliveries go.
	 */
	public static function delivery_url(): string {
		$held = self::all();
		return $held['api_url'] . '/api/webhooks/woocommerce/' . rawurlencode( $held['organization_id'] );
	}

	/**
	 * Whether changes of this kind are sent by themselves. Customers go with the orders.
	 *
	 * @param string $kind product, variation, order or customer.
	 */
	public static function follows( string $kind ): bool {
		$held   = self::all();
		$switch = in_array( $kind, array( 'product', 'variation' ), true ) ? 'sync_products' : 'sync_orders';
		return $held['auto_sync'] && $held[ $switch ] && self::complete();
	}
}
