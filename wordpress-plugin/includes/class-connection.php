<?php
/**
 * Whether SmartStore can be reached and takes our deliveries.
 *
 * @package SmartStore
 */

namespace SmartStore\WooCommerce;

defined( 'ABSPATH' ) || exit;

/**
 * What "Test connection" does. The only network calls that a person in the admin waits for.
 */
final class Connection {

	/**
	 * Steps in order, up to the first that fails: name, ok, words.
	 *
	 * @return array[]
	 */
	public static function test(): array {
		if ( ! Settings::complete() ) {
			return array( self::step( __( 'Settings', 'smartstore-woocommerce' ), false, __( 'Fill in API URL, Organization ID and Webhook Secret, save, then test again.', 'smartstore-woocommerce' ) ) );
		}
		$steps = array( self::reach() );
		if ( $steps[0]['ok'] ) {
			$steps[] = self::deliver();
		}
		if ( end( $steps )['ok'] && '' !== Settings::get( 'api_key' ) ) {
			$steps[] = self::use_key();
		}
		return $steps;
	}

	/**
	 * Whether all steps went well.
	 *
	 * @param array[] $steps Of test().
	 */
	public static function is_good( array $steps ): bool {
		return ! in_array( false, array_column( $steps, 'ok' ), true );
	}

	/**
	 * Is anybody there?
	 */
	private static function reach(): array {
		$answer = self::get( '/api/health', '' );
		$name   = __( 'SmartStore answers', 'smartstore-woocommerce' );
		if ( 0 === $answer['status'] ) {
			/* translators: %s: an error message. */
			return self::step( $name, false, sprintf( __( 'No answer: %s. Check API URL, and that this server may reach it.', 'smartstore-woocommerce' ), $answer['error'] ) );
		}
		if ( ! is_array( $answer['body'] ) || ! isset( $answer['body']['status'] ) ) {
			/* translators: %d: HTTP status. */
			return self::step( $name, false, sprintf( __( 'Something else answers there (HTTP %d). Check API URL.', 'smartstore-woocommerce' ), $answer['status'] ) );
		}
		return self::step( $name, true, '' );
	}

	/**
	 * Is a signed delivery taken?
	 */
	private static function deliver(): array {
		$body   = wp_json_encode(
			array(
				'topic' => 'action.smartstore_test',
				'data'  => array( 'site' => home_url() ),
			)
		);
		$answer = Sender::post( Settings::delivery_url(), 'msg_' . str_replace( '-', '', wp_generate_uuid4() ), $body );
		$name   = __( 'A signed test delivery is taken', 'smartstore-woocommerce' );
		if ( $answer['status'] >= 200 && $answer['status'] < 300 ) {
			return self::step( $name, true, '' );
		}
		$words = array(
			401 => __( 'Webhook Secret differs from the one in SmartStore, or this server\'s clock is wrong.', 'smartstore-woocommerce' ),
			404 => __( 'SmartStore knows no such organization or no shop of it. Check Organization ID, and connect this shop in SmartStore.', 'smartstore-woocommerce' ),
		);
		return self::step( $name, false, trim( ( $words[ $answer['status'] ] ?? '' ) . ' ' . $answer['error'] ) );
	}

	/**
	 * Is the API key good?
	 */
	private static function use_key(): array {
		$answer = self::get( '/api/sync/status?organizationId=' . rawurlencode( Settings::get( 'organization_id' ) ), Settings::get( 'api_key' ) );
		$name   = __( 'The API key is good', 'smartstore-woocommerce' );
		if ( in_array( $answer['status'], array( 401, 403 ), true ) ) {
			return self::step( $name, false, __( 'SmartStore refuses the API key. Make a new one in SmartStore and save it here.', 'smartstore-woocommerce' ) );
		}
		return self::step( $name, $answer['status'] >= 200 && $answer['status'] < 300, $answer['status'] < 300 ? '' : $answer['error'] );
	}

	/**
	 * A GET.
	 *
	 * @param string $path Below API URL.
	 * @param string $key  API key, '' for none.
	 */
	private static function get( string $path, string $key ): array {
		$headers = array( 'Accept' => 'application/json' );
		if ( '' !== $key ) {
			$headers['Authorization'] = 'Bearer ' . $key;
		}
		return Sender::answer(
			wp_remote_get(
				Settings::get( 'api_url' ) . $path,
				array(
					'headers'     => $headers,
					'timeout'     => Sender::TIMEOUT_S,
					'redirection' => 0,
				)
			)
		);
	}

	/**
	 * One step.
	 *
	 * @param string $name  What was tried.
	 * @param bool   $ok    Whether it went well.
	 * @param string $words What to do.
	 */
	private static function step( string $name, bool $ok, string $words ): array {
		return array(
			'name'  => $name,
			'ok'    => $ok,
			'words' => $words,
		);
	}
}
