<?php
/**
 * Standard Webhooks signatures.
 *
 * @package SmartStore
 */

namespace SmartStore\WooCommerce;

defined( 'ABSPATH' ) || exit;

/**
 * The headers webhook-id, webhook-timestamp and webhook-signature (standardwebhooks.com, version 1). Pure.
 */
final class Signature {

	/**
	 * Headers of a delivery.
	 *
	 * @param string $secret whsec_ and base64, or the key itself.
	 * @param string $id     The same for repeats of one delivery.
	 * @param int    $at     Unix time of sending.
	 * @param string $body   The body.
	 * @return array<string, string>
	 */
	public static function headers( string $secret, string $id, int $at, string $body ): array {
		$signed = hash_hmac( 'sha256', "$id.$at.$body", self::key( $secret ), true );
		return array(
			'webhook-id'        => $id,
			'webhook-timestamp' => (string) $at,
			'webhook-signature' => 'v1,' . base64_encode( $signed ), // phpcs:ignore WordPress.PHP.DiscouragedPHPFunctions
		);
	}

	/**
	 * The key in a secret.
	 *
	 * @param string $secret As it was typed.
	 */
	private static function key( string $secret ): string {
		if ( 0 === strpos( $secret, 'whsec_' ) ) {
			$decoded = base64_decode( substr( $secret, 6 ), true ); // phpcs:ignore WordPress.PHP.DiscouragedPHPFunctions
			if ( $decoded ) {
				return $decoded;
			}
		}
		return $secret;
	}
}
