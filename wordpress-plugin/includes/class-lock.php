<?php
/**
 * Row locks and transactions.
 *
 * @package SmartStore
 */

namespace SmartStore\WooCommerce;

defined( 'ABSPATH' ) || exit;

/**
 * Work on one item that nobody else changes meanwhile.
 */
final class Lock {

	const ATTEMPTS = 8;

	/**
	 * Runs the work under the item's row lock. Whoever saves the item, moves its stock or adds meta entries waits:
	 * the item's row, its meta rows (and the gap for new ones) and its terms are locked.
	 *
	 * @param string   $kind product, variation, order or customer.
	 * @param int      $id   The item.
	 * @param callable $work Called without arguments; may run again from the start.
	 * @return mixed What the work returns.
	 * @throws Lock_Lost When the lock could not be had.
	 */
	public static function item( string $kind, int $id, callable $work ) {
		return self::transaction(
			static function () use ( $kind, $id, $work ) {
				global $wpdb;
				$names = Tables::of( $kind );
				// Locking reads come first: the transaction's view of everything else is then of after the lock.
				// phpcs:disable WordPress.DB.PreparedSQL.InterpolatedNotPrepared
				$wpdb->get_var( $wpdb->prepare( "SELECT {$names['id']} FROM {$names['item']} WHERE {$names['id']} = %d FOR UPDATE", $id ) );
				$wpdb->get_col( $wpdb->prepare( "SELECT {$names['meta_id']} FROM {$names['meta']} WHERE {$names['owner']} = %d FOR UPDATE", $id ) );
				// phpcs:enable
				if ( 'product' === $kind || 'variation' === $kind ) {
					$wpdb->get_col( $wpdb->prepare( "SELECT term_taxonomy_id FROM {$wpdb->term_relationships} WHERE object_id = %d FOR UPDATE", $id ) );
				}
				Items::forget( $kind, $id );
				try {
					return $work();
				} catch ( \Throwable $error ) {
					Items::forget( $kind, $id );
					throw $error;
				}
			}
		);
	}

	/**
	 * Runs reads that belong together: all see the database as of one moment.
	 *
	 * @param callable $work Called without arguments.
	 * @return mixed What the work returns.
	 */
	public static function snapshot( callable $work ) {
		return self::transaction( $work );
	}

	/**
	 * A transaction, begun anew when the database gives it up for another one (deadlock, waited too long).
	 *
	 * @param callable $work Called without arguments.
	 * @return mixed What the work returns.
	 * @throws Lock_Lost   After the last attempt.
	 * @throws \Throwable What the work throws, after undoing it.
	 */
	public static function transaction( callable $work ) {
		global $wpdb;
		for ( $attempt = 1; ; $attempt++ ) {
			$guard = self::guard();
			$wpdb->query( 'START TRANSACTION' );
			add_filter( 'query', $guard, PHP_INT_MIN );
			try {
				$result = $work();
				$guard( '' ); // the same connection as at the start, and nothing given up.
				remove_filter( 'query', $guard, PHP_INT_MIN );
				if ( false === $wpdb->query( 'COMMIT' ) ) {
					throw new Lock_Lost( 'the database did not commit' );
				}
				return $result;
			} catch ( \Throwable $error ) {
				remove_filter( 'query', $guard, PHP_INT_MIN );
				$wpdb->query( 'ROLLBACK' );
				if ( ! $error instanceof Lock_Lost || self::ATTEMPTS === $attempt ) {
					throw $error;
				}
				usleep( wp_rand( 5, 25 ) * 1000 * $attempt );
			}
		}
	}

	/**
	 * A filter of queries that stops the work as soon as the database has given up the transaction, or WordPress has
	 * opened another connection because the first was lost. What follows would otherwise be written at once and outside
	 * of it: WordPress only notes failed queries, and goes on.
	 *
	 * @return callable
	 */
	private static function guard(): callable {
		$before     = self::failures();
		$connection = self::connection();
		return static function ( $query ) use ( $before, $connection ) {
			global $EZSQL_ERROR;
			if ( self::connection() !== $connection ) {
				throw new Lock_Lost( 'the connection to the database was lost' );
			}
			foreach ( array_slice( (array) $EZSQL_ERROR, $before ) as $failure ) {
				if ( preg_match( '/deadlock|lock wait timeout|database is locked|gone away/i', $failure['error_str'] ) ) {
					throw new Lock_Lost( $failure['error_str'] ); // phpcs:ignore WordPress.Security.EscapeOutput
				}
			}
			return $query;
		};
	}

	/**
	 * MySQL's CONNECTION_ID(), as the client knows it; 0 where the database has none.
	 */
	private static function connection(): int {
		global $wpdb;
		return $wpdb->dbh instanceof \mysqli ? (int) $wpdb->dbh->thread_id : 0;
	}

	/**
	 * How many queries have failed in this request.
	 */
	private static function failures(): int {
		global $EZSQL_ERROR;
		return count( (array) $EZSQL_ERROR );
	}
}
