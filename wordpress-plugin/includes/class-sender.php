<?php
/**
 * Sends what is in the outbox.
 *
 * @package SmartStore
 */

namespace SmartStore\WooCommerce;

defined( 'ABSPATH' ) || exit;

/**
 * A job of Action Scheduler, and, where PHP can finish the answer first (FPM, LiteSpeed), the rest of the request that
 * made the change: nobody who shops or edits waits for it.
 */
final class Sender {

	const HOOK      = 'smartstore_send';
	const SWEEP     = 'smartstore_sweep';
	const GROUP     = 'smartstore';
	const STATE     = 'smartstore_sender';
	const TIMEOUT_S = 15;

	/**
	 * Hooks in.
	 */
	public static function listen() {
		add_action( self::HOOK, array( self::class, 'work' ) );
		add_action( self::SWEEP, array( self::class, 'work' ) );
		add_action( 'shutdown', array( self::class, 'after_request' ), 100 );
		add_action( 'action_scheduler_init', array( self::class, 'keep_sweeping' ) );
	}

	/**
	 * A job that comes again: should a process have died between writing a row and asking for its sending.
	 */
	public static function keep_sweeping() {
		if ( is_admin() || wp_doing_cron() ) {
			if ( ! as_has_scheduled_action( self::SWEEP, array(), self::GROUP ) ) {
				as_schedule_recurring_action( time() + 300, 300, self::SWEEP, array(), self::GROUP, true );
			}
		}
	}

	/**
	 * At the end of a request that wrote rows.
	 */
	public static function after_request() {
		if ( ! Outbox::$written || ! Settings::complete() ) {
			return;
		}
		self::schedule( time() );
		foreach ( array( 'fastcgi_finish_request', 'litespeed_finish_request' ) as $finish ) {
			if ( function_exists( $finish ) && ! wp_doing_cron() ) {
				$finish();
				self::run( 5 );
				return;
			}
		}
	}

	/**
	 * Asks for one job, unless one waits already. Action Scheduler's own `unique` counts the job that is running, too:
	 * it may just have looked for the last time.
	 *
	 * @param int $at Unix time.
	 */
	public static function schedule( int $at ) {
		$at      = max( $at, self::state()['next_at'] );
		$waiting = as_get_scheduled_actions(
			array(
				'hook'         => self::HOOK,
				'group'        => self::GROUP,
				'status'       => \ActionScheduler_Store::STATUS_PENDING,
				'date'         => as_get_datetime_object( $at + 1 ),
				'date_compare' => '<=',
				'per_page'     => 1,
			),
			'ids'
		);
		if ( ! $waiting ) {
			as_schedule_single_action( $at, self::HOOK, array(), self::GROUP );
		}
	}

	/**
	 * The job.
	 */
	public static function work() {
		self::run( 25 );
	}

	/**
	 * Sends due rows one after the other until none is left, time is up, or the receiver is away.
	 *
	 * @param int $seconds How long.
	 * @return int How many were taken.
	 */
	public static function run( int $seconds ): int {
		$until = time() + $seconds;
		$taken = 0;
		if ( ! Settings::complete() || self::state()['next_at'] > time() || ! Lease::take() ) {
			return 0;
		}
		try {
			while ( time() < $until ) {
				$rows = Outbox::due( 20 );
				if ( ! $rows ) {
					break;
				}
				foreach ( $rows as $row ) {
					if ( time() >= $until || ! Lease::take() ) {
						break 2;
					}
					if ( ! self::deliver( $row ) ) {
						break 2;
					}
					++$taken;
				}
			}
		} finally {
			Lease::give_back();
		}
		$next = Outbox::state()['next'];
		if ( null !== $next ) {
			self::schedule( max( $next, time() ) );
		}
		return $taken;
	}

	/**
	 * Sends one row.
	 *
	 * @param object $row The row.
	 * @return bool Whether to go on with others.
	 */
	private static function deliver( $row ): bool {
		try {
			$body = Outbox::body( $row, array( self::class, 'build' ) );
		} catch ( \Throwable $error ) { // one item that cannot be read must not hold up the others.
			wc_get_logger()->error( (string) $error, array( 'source' => 'smartstore' ) );
			Outbox::put_off( $row, $error->getMessage(), time() + Backoff::after_refusal( $row->attempts + 1 ) );
			return true;
		}
		$answer = self::post( Settings::delivery_url(), $row->message_id, $body );
		if ( $answer['status'] >= 200 && $answer['status'] < 300 ) {
			Outbox::done( (int) $row->id );
			self::note_success();
			return true;
		}
		if ( Backoff::is_outage( $answer['status'] ) ) {
			self::note_outage( $answer );
			return false;
		}
		Outbox::put_off( $row, $answer['error'], time() + Backoff::after_refusal( $row->attempts + 1 ) );
		return true;
	}

	/**
	 * The body of a row: {"topic", "data": the REST resource as it now is}. Of what is gone, its id.
	 *
	 * @param object $row The row.
	 */
	public static function build( $row ): string {
		$data = null;
		if ( '.deleted' !== substr( $row->topic, -8 ) ) {
			Items::forget( $row->kind, (int) $row->item_id );
			$data = Lock::snapshot(
				static function () use ( $row ) {
					return Items::resource( $row->kind, (int) $row->item_id );
				}
			);
		}
		$topic = $row->topic;
		if ( null === $data ) {
			$topic = strtok( $row->topic, '.' ) . '.deleted';
			$data  = array( 'id' => (int) $row->item_id );
			if ( 'variation' === $row->kind ) {
				$data += array(
					'type'      => 'variation',
					'parent_id' => (int) $row->parent_id,
				);
			}
		}
		return wp_json_encode( compact( 'topic', 'data' ) );
	}

	/**
	 * Sends a signed body.
	 *
	 * @param string $url  Where to.
	 * @param string $id   webhook-id.
	 * @param string $body JSON.
	 * @return array status (0 for no answer), error, retry_after (seconds), body.
	 */
	public static function post( string $url, string $id, string $body ): array {
		$headers  = array(
			'Content-Type' => 'application/json',
			'Accept'       => 'application/json',
		);
		$response = wp_remote_post(
			$url,
			array(
				'headers'     => $headers + Signature::headers( Settings::get( 'webhook_secret' ), $id, time(), $body ),
				'body'        => $body,
				'timeout'     => self::TIMEOUT_S,
				'redirection' => 0,
				'user-agent'  => 'SmartStore for WooCommerce/' . VERSION,
			)
		);
		return self::answer( $response );
	}

	/**
	 * What an HTTP answer says.
	 *
	 * @param array|\WP_Error $response Of WordPress's HTTP functions.
	 */
	public static function answer( $response ): array {
		$found = array(
			'status'      => 0,
			'error'       => '',
			'retry_after' => 0,
			'body'        => null,
		);
		if ( is_wp_error( $response ) ) {
			$found['error'] = $response->get_error_message();
			return $found;
		}
		$found['status']      = (int) wp_remote_retrieve_response_code( $response );
		$found['retry_after'] = (int) wp_remote_retrieve_header( $response, 'retry-after' );
		$found['body']        = json_decode( wp_remote_retrieve_body( $response ), true );
		$words                = is_array( $found['body'] ) ? implode( ' ', array_filter( array( $found['body']['detail'] ?? '', $found['body']['help'] ?? '' ), 'is_string' ) ) : '';
		$found['error']       = 'HTTP ' . $found['status'] . ( '' === $words ? '' : ': ' . sanitize_text_field( $words ) );
		return $found;
	}

	/**
	 * How sending stands: delivered (count), last_at, failures (in a row), since, next_at, error.
	 *
	 * @return array
	 */
	public static function state(): array {
		$held = get_option( self::STATE );
		return array_merge(
			array(
				'delivered' => 0,
				'last_at'   => 0,
				'failures'  => 0,
				'since'     => 0,
				'next_at'   => 0,
				'error'     => '',
			),
			is_array( $held ) ? $held : array()
		);
	}

	/**
	 * A delivery was taken.
	 */
	private static function note_success() {
		$held = self::state();
		$now  = array(
			'delivered' => $held['delivered'] + 1,
			'last_at'   => time(),
			'failures'  => 0,
			'since'     => 0,
			'next_at'   => 0,
			'error'     => '',
		);
		update_option( self::STATE, $now, false );
	}

	/**
	 * Nothing gets through.
	 *
	 * @param array $answer Of post().
	 */
	private static function note_outage( array $answer ) {
		$held = self::state();

		$held['failures'] += 1;
		$held['since']     = $held['since'] ? $held['since'] : time();
		$held['next_at']   = time() + Backoff::after_outage( $held['failures'], $answer['retry_after'] );
		$held['error']     = $answer['error'];
		update_option( self::STATE, $held, false );
	}

	/**
	 * Tries again now: a person says that the receiver is back, or has changed where deliveries go.
	 */
	public static function hurry() {
		update_option( self::STATE, array_merge( self::state(), array( 'next_at' => 0 ) ), false );
		Outbox::hurry();
		if ( Outbox::state()['pending'] ) {
			self::schedule( time() );
		}
	}
}
