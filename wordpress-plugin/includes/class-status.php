<?php
/**
 * How it stands.
 *
 * @package SmartStore
 */

namespace SmartStore\WooCommerce;

defined( 'ABSPATH' ) || exit;

/**
 * For the settings page and the command line.
 */
final class Status {

	/**
	 * Everything, without secrets.
	 */
	public static function all(): array {
		$sender = Sender::state();
		$outbox = Outbox::state();
		return array(
			'version'      => VERSION,
			'connected'    => Settings::complete(),
			'automatic'    => Settings::complete() && Settings::get( 'auto_sync' ),
			'pending'      => $outbox['pending'],
			'refused'      => $outbox['put_off'],
			'oldest'       => self::moment( (int) $outbox['oldest'] ),
			'delivered'    => $sender['delivered'],
			'last_at'      => self::moment( $sender['last_at'] ),
			'away_since'   => self::moment( $sender['since'] ),
			'next_attempt' => self::moment( $sender['failures'] ? $sender['next_at'] : 0 ),
			'error'        => $sender['error'],
			'products'     => Resync::progress( 'products' ),
			'orders'       => Resync::progress( 'orders' ),
			'sentence'     => self::sentence( $sender, $outbox ),
		);
	}

	/**
	 * RFC 3339, UTC; null for none.
	 *
	 * @param int $at Unix time.
	 * @return string|null
	 */
	private static function moment( int $at ) {
		return $at ? gmdate( 'Y-m-d\TH:i:s\Z', $at ) : null;
	}

	/**
	 * The one sentence for the shop's owner.
	 *
	 * @param array $sender Of Sender::state().
	 * @param array $outbox Of Outbox::state().
	 */
	private static function sentence( array $sender, array $outbox ): string {
		if ( ! Settings::complete() ) {
			return __( 'Not connected yet: paste a pairing code, or fill in the settings.', 'smartstore-woocommerce' );
		}
		if ( $sender['failures'] ) {
			return sprintf(
				/* translators: 1: number of changes, 2: time span, 3: an error message. */
				__( '%1$s changes wait: SmartStore has not been reachable for %2$s (%3$s). They are kept and will be sent.', 'smartstore-woocommerce' ),
				number_format_i18n( $outbox['pending'] ),
				human_time_diff( $sender['since'] ),
				$sender['error']
			);
		}
		if ( $outbox['put_off'] ) {
			/* translators: %s: number of changes. */
			return sprintf( __( '%s changes were refused by SmartStore and will be tried again. "wp smartstore outbox" shows why.', 'smartstore-woocommerce' ), number_format_i18n( $outbox['put_off'] ) );
		}
		if ( $outbox['pending'] ) {
			/* translators: %s: number of changes. */
			return sprintf( __( '%s changes are on their way.', 'smartstore-woocommerce' ), number_format_i18n( $outbox['pending'] ) );
		}
		return Settings::get( 'auto_sync' )
			? __( 'Everything has been sent.', 'smartstore-woocommerce' )
			: __( 'Connected. Auto sync is off: changes are sent only by the buttons below.', 'smartstore-woocommerce' );
	}
}
