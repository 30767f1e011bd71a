<?php
/**
 * WooCommerce's own webhooks to the same address.
 *
 * @package SmartStore
 */

namespace SmartStore\WooCommerce;

defined( 'ABSPATH' ) || exit;

/**
 * Never both: while the plugin delivers, they are paused; they go on when it no longer does.
 */
final class Native_Webhooks {

	const OPTION = 'smartstore_paused_webhooks';

	/**
	 * Hooks in.
	 */
	public static function listen() {
		add_filter( 'woocommerce_webhook_should_deliver', array( self::class, 'should_deliver' ), 99, 2 );
		add_action( 'update_option_' . Settings::OPTION, array( self::class, 'arrange' ) );
		add_action( 'add_option_' . Settings::OPTION, array( self::class, 'arrange' ) );
		add_action( 'woocommerce_new_webhook', array( self::class, 'arrange' ) );
	}

	/**
	 * Whether the plugin delivers by itself.
	 */
	private static function plugin_delivers(): bool {
		return Settings::complete() && Settings::get( 'auto_sync' );
	}

	/**
	 * Pauses them, or lets them go on, as the settings say.
	 */
	public static function arrange() {
		if ( self::plugin_delivers() ) {
			self::pause();
		} else {
			self::resume();
		}
	}

	/**
	 * Holds back a webhook that was switched on again.
	 *
	 * @param bool        $deliver What was decided so far.
	 * @param \WC_Webhook $webhook The webhook.
	 */
	public static function should_deliver( $deliver, $webhook ) {
		return $deliver && ! ( self::plugin_delivers() && self::is_ours( $webhook ) );
	}

	/**
	 * Whether a webhook goes where the plugin's deliveries go.
	 *
	 * @param \WC_Webhook $webhook The webhook.
	 */
	private static function is_ours( $webhook ): bool {
		return untrailingslashit( $webhook->get_delivery_url() ) === Settings::delivery_url();
	}

	/**
	 * Pauses those that are active.
	 */
	public static function pause() {
		$paused = (array) get_option( self::OPTION, array() );
		foreach ( \WC_Data_Store::load( 'webhook' )->get_webhooks_ids( 'active' ) as $id ) {
			$webhook = wc_get_webhook( $id );
			if ( $webhook && self::is_ours( $webhook ) ) {
				$webhook->set_status( 'paused' );
				$webhook->save();
				$paused[] = (int) $id;
			}
		}
		update_option( self::OPTION, array_values( array_unique( $paused ) ), false );
	}

	/**
	 * Lets those go on that the plugin has paused.
	 */
	public static function resume() {
		foreach ( (array) get_option( self::OPTION, array() ) as $id ) {
			$webhook = wc_get_webhook( $id );
			if ( $webhook && 'paused' === $webhook->get_status() ) {
				$webhook->set_status( 'active' );
				$webhook->save();
			}
		}
		delete_option( self::OPTION );
	}
}
