<?php
/**
 * Deliveries that are still to be sent.
 *
 * @package SmartStore
 */

namespace SmartStore\WooCommerce;

defined( 'ABSPATH' ) || exit;

/**
 * A table: a row is written in the request that made the change and is removed when its delivery was answered 2xx.
 * Rows of one item leave in their order. The body is built when a row is first sent and kept for repeats, so that one
 * webhook-id is always one body.
 */
final class Outbox {

	/**
	 * The last row of an order that this request wrote: item to row.
	 *
	 * @var array<string, int>
	 */
	private static $last = array();

	/**
	 * How many rows this request has written.
	 *
	 * @var int
	 */
	public static $written = 0;

	/**
	 * Puts an event into the outbox.
	 *
	 * A row that has not been sent yet stands for later updates of its item, too, as its body is built when it is sent:
	 * a product's always, another's only within the request that wrote it (WooCommerce saves an order several times
	 * while it is placed).
	 *
	 * @param string $kind  product, variation, order or customer.
	 * @param int    $id    The item.
	 * @param string $event created, updated or deleted.
	 */
	public static function add( string $kind, int $id, string $event ) {
		$waiting = 'updated' === $event ? self::waiting( $kind, $id ) : 0;
		if ( $waiting && self::joined( $waiting ) ) {
			return;
		}
		if ( 'created' === $event && isset( self::$last[ "$kind:$id" ] ) && self::joined( self::$last[ "$kind:$id" ] ) ) {
			return; // Both of core's hooks for a new item were called.
		}
		self::insert( $kind, array( $id ), $event );
	}

	/**
	 * Writes rows for many items.
	 *
	 * @param string $kind  product, variation, order or customer.
	 * @param int[]  $ids   Items.
	 * @param string $event created, updated or deleted.
	 */
	public static function insert( string $kind, array $ids, string $event ) {
		global $wpdb;
		$topic = ( 'variation' === $kind ? 'product' : $kind ) . '.' . $event;
		foreach ( $ids as $id ) {
			$wpdb->insert(
				Tables::outbox(),
				array(
					'kind'       => $kind,
					'item_id'    => $id,
					'parent_id'  => 'variation' === $kind ? (int) wp_get_post_parent_id( $id ) : 0,
					'topic'      => $topic,
					'message_id' => 'msg_' . str_replace( '-', '', wp_generate_uuid4() ),
					'created_at' => time(),
				),
				array( '%s', '%d', '%d', '%s', '%s', '%d' )
			);
			self::$last[ "$kind:$id" ] = 'deleted' === $event ? 0 : (int) $wpdb->insert_id;
			++self::$written;
		}
	}

	/**
	 * The row that may stand for another update of an item, 0 for none.
	 *
	 * @param string $kind product, variation, order or customer.
	 * @param int    $id   The item.
	 */
	private static function waiting( string $kind, int $id ): int {
		global $wpdb;
		if ( ! in_array( $kind, array( 'product', 'variation' ), true ) ) {
			return self::$last[ "$kind:$id" ] ?? 0;
		}
		$table = Tables::outbox();
		// phpcs:ignore WordPress.DB.PreparedSQL.InterpolatedNotPrepared
		$row = $wpdb->get_row( $wpdb->prepare( "SELECT id, topic, started FROM $table WHERE kind = %s AND item_id = %d ORDER BY id DESC LIMIT 1", $kind, $id ) );
		return $row && ! $row->started && 'product.deleted' !== $row->topic ? (int) $row->id : 0;
	}

	/**
	 * Lets a row stand for one more change. Fails once the row is being sent: its body may be built already. By the
	 * row's key alone, so that no gap is locked inside a transaction.
	 *
	 * @param int $row The row.
	 */
	private static function joined( int $row ): bool {
		global $wpdb;
		$table = Tables::outbox();
		// phpcs:ignore WordPress.DB.PreparedSQL.InterpolatedNotPrepared
		return $row && 1 === $wpdb->query( $wpdb->prepare( "UPDATE $table SET changes = changes + 1 WHERE id = %d AND started = 0", $row ) );
	}

	/**
	 * Rows that are due, oldest first, only the oldest of each item.
	 *
	 * @param int $limit Most rows.
	 * @return object[]
	 */
	public static function due( int $limit ): array {
		global $wpdb;
		$table = Tables::outbox();
		return $wpdb->get_results(
			$wpdb->prepare(
				// phpcs:ignore WordPress.DB.PreparedSQL.InterpolatedNotPrepared
				"SELECT o.* FROM $table o WHERE o.next_at <= %d AND NOT EXISTS (SELECT 1 FROM $table p WHERE p.kind = o.kind AND p.item_id = o.item_id AND p.id < o.id) ORDER BY o.id LIMIT %d",
				time(),
				$limit
			)
		);
	}

	/**
	 * Claims a row, after which no change joins it, and keeps its body.
	 *
	 * @param object   $row   The row.
	 * @param callable $build Makes the body; takes the row.
	 * @return string The body.
	 */
	public static function body( $row, callable $build ): string {
		global $wpdb;
		if ( null !== $row->body ) {
			return $row->body;
		}
		$wpdb->update( Tables::outbox(), array( 'started' => 1 ), array( 'id' => $row->id ), array( '%d' ), array( '%d' ) );
		$body = $build( $row );
		$wpdb->update( Tables::outbox(), array( 'body' => $body ), array( 'id' => $row->id ), array( '%s' ), array( '%d' ) );
		return $body;
	}

	/**
	 * The delivery was taken.
	 *
	 * @param int $row The row.
	 */
	public static function done( int $row ) {
		global $wpdb;
		$wpdb->delete( Tables::outbox(), array( 'id' => $row ), array( '%d' ) );
	}

	/**
	 * The receiver did not take this one delivery; those of other items go on.
	 *
	 * @param object $row      The row.
	 * @param string $error    What it said.
	 * @param int    $later_at Unix time of the next attempt.
	 */
	public static function put_off( $row, string $error, int $later_at ) {
		global $wpdb;
		$wpdb->update(
			Tables::outbox(),
			array(
				'attempts' => $row->attempts + 1,
				'error'    => mb_substr( $error, 0, 500 ),
				'next_at'  => $later_at,
			),
			array( 'id' => $row->id ),
			array( '%d', '%s', '%d' ),
			array( '%d' )
		);
	}

	/**
	 * Everything is due now, whatever it waited for.
	 */
	public static function hurry() {
		global $wpdb;
		$table = Tables::outbox();
		$wpdb->query( "UPDATE $table SET next_at = 0" ); // phpcs:ignore WordPress.DB.PreparedSQL.InterpolatedNotPrepared
	}

	/**
	 * How it stands: pending, put_off (rows with errors), oldest (Unix time or null), next (when a row is next due or
	 * null).
	 *
	 * @return array
	 */
	public static function state(): array {
		global $wpdb;
		$table = Tables::outbox();
		// phpcs:ignore WordPress.DB.PreparedSQL.InterpolatedNotPrepared
		$row = $wpdb->get_row( "SELECT COUNT(*) AS pending, COALESCE(SUM(attempts > 0), 0) AS put_off, MIN(created_at) AS oldest, MIN(next_at) AS next FROM $table", ARRAY_A );
		return array(
			'pending' => (int) $row['pending'],
			'put_off' => (int) $row['put_off'],
			'oldest'  => null === $row['oldest'] ? null : (int) $row['oldest'],
			'next'    => null === $row['next'] ? null : (int) $row['next'],
		);
	}

	/**
	 * Rows for a person to look at, without bodies.
	 *
	 * @param int $limit Most rows.
	 * @return array[]
	 */
	public static function listed( int $limit ): array {
		global $wpdb;
		$table = Tables::outbox();
		// phpcs:ignore WordPress.DB.PreparedSQL.InterpolatedNotPrepared
		return $wpdb->get_results( $wpdb->prepare( "SELECT id, topic, item_id, changes, attempts, error, created_at, next_at FROM $table ORDER BY id LIMIT %d", $limit ), ARRAY_A );
	}

	/**
	 * Rows of some items.
	 *
	 * @param string $kind order or customer.
	 * @param int[]  $ids  Items.
	 * @return array[]
	 */
	public static function of( string $kind, array $ids ): array {
		global $wpdb;
		if ( ! $ids ) {
			return array();
		}
		$table = Tables::outbox();
		$in    = implode( ',', array_map( 'intval', $ids ) );
		// phpcs:ignore WordPress.DB.PreparedSQL.InterpolatedNotPrepared
		return $wpdb->get_results( $wpdb->prepare( "SELECT id, topic, item_id, body, created_at FROM $table WHERE kind = %s AND item_id IN ($in) ORDER BY id", $kind ), ARRAY_A );
	}

	/**
	 * Rows whose body holds a text: an order that is anonymous by now can no longer be found by its customer.
	 *
	 * @param string $text An e-mail address.
	 * @return array[]
	 */
	public static function naming( string $text ): array {
		global $wpdb;
		$table = Tables::outbox();
		$like  = '%' . $wpdb->esc_like( trim( wp_json_encode( $text ), '"' ) ) . '%';
		// phpcs:ignore WordPress.DB.PreparedSQL.InterpolatedNotPrepared
		return $wpdb->get_results( $wpdb->prepare( "SELECT id, topic, item_id, body, created_at FROM $table WHERE body LIKE %s ORDER BY id", $like ), ARRAY_A );
	}

	/**
	 * Forgets bodies that were built, so that they are built anew from the items as they are then.
	 *
	 * @param int[] $rows Rows.
	 */
	public static function rebuild( array $rows ) {
		global $wpdb;
		foreach ( $rows as $row ) {
			$wpdb->update( Tables::outbox(), array( 'body' => null ), array( 'id' => $row ), array( '%s' ), array( '%d' ) );
		}
	}
}
