<?php
/**
 * Sends everything of a kind.
 *
 * @package SmartStore
 */

namespace SmartStore\WooCommerce;

defined( 'ABSPATH' ) || exit;

/**
 * Puts all products (with variations) or all orders into the outbox, a few hundred at a time, as jobs.
 */
final class Resync {

	const HOOK  = 'smartstore_resync';
	const BATCH = 200;
	const KINDS = array(
		'products' => array( 'product', 'variation' ),
		'orders'   => array( 'order' ),
	);

	/**
	 * Hooks in.
	 */
	public static function listen() {
		add_action( self::HOOK, array( self::class, 'work' ) );
	}

	/**
	 * Begins from the first item.
	 *
	 * @param string $what products or orders.
	 * @return array Its progress.
	 */
	public static function start( string $what ): array {
		$total = 0;
		foreach ( self::KINDS[ $what ] as $kind ) {
			$total += Digest::listed( $kind, '0', 1 )['total'];
		}
		$progress = array(
			'kind'     => self::KINDS[ $what ][0],
			'after'    => '0',
			'done'     => 0,
			'total'    => $total,
			'finished' => 0 === $total,
		);
		update_option( self::option( $what ), $progress, false );
		as_unschedule_all_actions( self::HOOK, array( $what ), Sender::GROUP );
		if ( $total ) {
			as_enqueue_async_action( self::HOOK, array( $what ), Sender::GROUP );
		}
		return $progress;
	}

	/**
	 * The job: one batch, then the next job.
	 *
	 * @param string $what products or orders.
	 */
	public static function work( $what ) {
		$progress = self::progress( $what );
		if ( null === $progress || $progress['finished'] ) {
			return;
		}
		$kinds = self::KINDS[ $what ];
		$page  = Digest::listed( $progress['kind'], $progress['after'], self::BATCH );
		foreach ( $page['ids'] as $id ) {
			Outbox::add( $progress['kind'], Digest::number( $id ), 'updated' );
		}
		Sender::schedule( time() );
		$progress['done'] += count( $page['ids'] );
		$progress['after'] = $page['next'];
		if ( '' === $page['next'] ) {
			$next                 = array_search( $progress['kind'], $kinds, true ) + 1;
			$progress['finished'] = ! isset( $kinds[ $next ] );
			$progress['kind']     = $kinds[ $next ] ?? $progress['kind'];
			$progress['after']    = '0';
		}
		update_option( self::option( $what ), $progress, false );
		if ( ! $progress['finished'] ) {
			as_schedule_single_action( time(), self::HOOK, array( $what ), Sender::GROUP );
		}
	}

	/**
	 * How far it is: kind, after, done, total, finished; null where it was never begun.
	 *
	 * @param string $what products or orders.
	 * @return array|null
	 */
	public static function progress( string $what ) {
		$held = get_option( self::option( $what ) );
		return is_array( $held ) ? $held : null;
	}

	/**
	 * Where progress is kept.
	 *
	 * @param string $what products or orders.
	 */
	private static function option( string $what ): string {
		return 'smartstore_resync_' . $what;
	}
}
