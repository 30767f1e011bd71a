<?php
/**
 * Connects the shop with one pasted code.
 *
 * @package SmartStore
 */

namespace SmartStore\WooCommerce;

defined( 'ABSPATH' ) || exit;

/**
 * A code is ssp_ and base64url of {"url", "organizationId", "secret", "apiKey"}. Pairing saves these, makes a key of
 * WooCommerce for SmartStore and hands it over.
 */
final class Pairing {

	const PREFIX = 'ssp_';
	const OPTION = 'smartstore_key_id';

	/**
	 * What a code holds, null for what is none. Pure.
	 *
	 * @param string $code As it was pasted.
	 * @return array|null
	 */
	public static function read( string $code ) {
		$code = preg_replace( '/\s+/', '', $code );
		if ( 0 !== strpos( $code, self::PREFIX ) ) {
			return null;
		}
		$text  = base64_decode( strtr( substr( $code, strlen( self::PREFIX ) ), '-_', '+/' ), true ); // phpcs:ignore WordPress.PHP.DiscouragedPHPFunctions
		$found = json_decode( (string) $text, true );
		foreach ( array( 'url', 'organizationId', 'secret' ) as $name ) {
			if ( ! is_array( $found ) || ! isset( $found[ $name ] ) || ! is_string( $found[ $name ] ) || '' === $found[ $name ] ) {
				return null;
			}
		}
		return preg_match( '#^https?://#', $found['url'] ) ? $found : null;
	}

	/**
	 * Pairs.
	 *
	 * @param string $code As it was pasted.
	 * @return array ok, words.
	 */
	public static function pair( string $code ): array {
		$told = self::read( $code );
		if ( null === $told ) {
			return self::result( false, __( 'This is no pairing code. Copy it from SmartStore, under Integrations, WooCommerce. It begins with ssp_.', 'smartstore-woocommerce' ) );
		}
		$key    = self::make_key();
		$answer = self::hand_over( $told, trim( $code ), $key );
		if ( $answer['status'] < 200 || $answer['status'] >= 300 ) {
			self::remove_key( $key['id'] );
			/* translators: %s: an error message. */
			return self::result( false, sprintf( __( 'SmartStore did not take it: %s. A code is good for a few minutes and once: make a new one and try again.', 'smartstore-woocommerce' ), $answer['error'] ) );
		}
		self::remove_key( (int) get_option( self::OPTION ) );
		update_option( self::OPTION, $key['id'], false );
		Settings::change(
			array(
				'api_url'         => untrailingslashit( esc_url_raw( $told['url'], array( 'http', 'https' ) ) ),
				'organization_id' => sanitize_text_field( $told['organizationId'] ),
				'webhook_secret'  => $told['secret'],
				'api_key'         => isset( $told['apiKey'] ) && is_string( $told['apiKey'] ) ? $told['apiKey'] : '',
			)
		);
		Sender::hurry();
		return self::result( true, __( 'Paired. SmartStore now shows what it would change, and waits for your word before the first sync.', 'smartstore-woocommerce' ) );
	}

	/**
	 * Hands the key over.
	 *
	 * @param array  $told What the code holds.
	 * @param string $code The code.
	 * @param array  $key  Of make_key().
	 */
	private static function hand_over( array $told, string $code, array $key ): array {
		$body = wp_json_encode(
			array(
				'code'           => $code,
				'siteUrl'        => home_url(),
				'consumerKey'    => $key['key'],
				'consumerSecret' => $key['secret'],
			)
		);
		return Sender::answer(
			wp_remote_post(
				untrailingslashit( $told['url'] ) . '/api/integrations/pair',
				array(
					'headers'     => array(
						'Content-Type' => 'application/json',
						'Accept'       => 'application/json',
					),
					'body'        => $body,
					'timeout'     => Sender::TIMEOUT_S,
					'redirection' => 0,
				)
			)
		);
	}

	/**
	 * Makes a read/write key of the person who pairs: id, key, secret.
	 */
	private static function make_key(): array {
		global $wpdb;
		$key    = 'ck_' . wc_rand_hash();
		$secret = 'cs_' . wc_rand_hash();
		// WooCommerce has no function for it; its own settings page writes this row, too.
		$wpdb->insert(
			$wpdb->prefix . 'woocommerce_api_keys',
			array(
				'user_id'         => get_current_user_id(),
				'description'     => 'SmartStore Sync',
				'permissions'     => 'read_write',
				'consumer_key'    => wc_api_hash( $key ),
				'consumer_secret' => $secret,
				'truncated_key'   => substr( $key, -7 ),
			),
			array( '%d', '%s', '%s', '%s', '%s', '%s' )
		);
		return array(
			'id'     => (int) $wpdb->insert_id,
			'key'    => $key,
			'secret' => $secret,
		);
	}

	/**
	 * Removes a key that was made for an earlier pairing.
	 *
	 * @param int $id Its id, 0 for none.
	 */
	public static function remove_key( int $id ) {
		global $wpdb;
		if ( $id ) {
			$wpdb->delete( $wpdb->prefix . 'woocommerce_api_keys', array( 'key_id' => $id ), array( '%d' ) );
		}
	}

	/**
	 * What is shown.
	 *
	 * @param bool   $ok    Whether it went well.
	 * @param string $words What to do.
	 */
	private static function result( bool $ok, string $words ): array {
		return array(
			'ok'    => $ok,
			'words' => $words,
		);
	}
}
