<?php
/**
 * When to try again.
 *
 * @package SmartStore
 */

namespace SmartStore\WooCommerce;

defined( 'ABSPATH' ) || exit;

/**
 * Pure, except for the chance in it.
 */
final class Backoff {

	const HTTP_OF_RECEIVER = array( 0, 401, 403, 404, 407, 408, 410, 425, 429 );

	/**
	 * Whether an answer says that nothing gets through now (no answer, refused key, overload), not that one body is bad.
	 *
	 * @param int $status HTTP status, 0 for no answer.
	 */
	public static function is_outage( int $status ): bool {
		return $status >= 500 || $status < 400 || in_array( $status, self::HTTP_OF_RECEIVER, true );
	}

	/**
	 * Seconds to wait after so many failures in a row: 10 s doubling up to 15 minutes, so that hours of outage end
	 * within minutes; never less than the receiver asked for, and that no more than an hour.
	 *
	 * @param int $failures    1 after the first.
	 * @param int $retry_after Seconds that the receiver asked for, 0 for none.
	 */
	public static function after_outage( int $failures, int $retry_after = 0 ): int {
		$wait = min( 900, 10 * 2 ** min( 10, max( 0, $failures - 1 ) ) );
		return max( $wait + wp_rand( 0, (int) ( $wait / 5 ) ), min( 3600, $retry_after ) );
	}

	/**
	 * Seconds to wait with one delivery that was refused: a minute, then four times as long, up to 12 hours.
	 *
	 * @param int $attempts 1 after the first.
	 */
	public static function after_refusal( int $attempts ): int {
		return min( 43200, 60 * 4 ** min( 6, max( 0, $attempts - 1 ) ) );
	}
}
