<?php
/**
 * Digests and lists of ids.
 *
 * @package SmartStore
 */

namespace SmartStore\WooCommerce;

defined( 'ABSPATH' ) || exit;

/**
 * What a sweep asks for before it reads items.
 */
final class Digest {

	const MOST = 500;

	/**
	 * Etags from the database, caches passed over. Ids as given; what is missing or in the trash is not in it.
	 *
	 * @param string   $resource product, variation, order or customer.
	 * @param string[] $ids      Ids; of variations as parent:id.
	 * @return array<string, string>
	 */
	public static function etags( string $resource, array $ids ): array {
		$numbers = array();
		foreach ( $ids as $id ) {
			$number = self::number( $id );
			Items::forget( $resource, $number );
			$numbers[] = $number;
		}
		return Lock::snapshot(
			static function () use ( $resource, $ids, $numbers ) {
				self::fetch( $resource, $numbers );
				$etags = array();
				foreach ( $ids as $place => $id ) {
					$parent = 'variation' === $resource ? (int) strtok( $id, ':' ) : 0;
					if ( '' === Items::kind( $resource, $numbers[ $place ], $parent ) ) {
						continue;
					}
					$item = Items::resource( $resource, $numbers[ $place ] );
					if ( $item && ! Items::trashed( $item ) ) {
						$etags[ $id ] = $item[ Etag::FIELD ];
					}
				}
				return $etags;
			}
		);
	}

	/**
	 * The digest over lines id:etag, in the order asked.
	 *
	 * @param string[]              $ids   Ids.
	 * @param array<string, string> $etags Id to etag.
	 */
	public static function of( array $ids, array $etags ): string {
		$lines = '';
		foreach ( $ids as $id ) {
			$lines .= $id . ':' . ( $etags[ $id ] ?? '-' ) . "\n";
		}
		return hash( 'sha256', $lines );
	}

	/**
	 * Reads many items' rows in a few queries.
	 *
	 * @param string $resource product, variation, order or customer.
	 * @param int[]  $numbers  Ids.
	 */
	private static function fetch( string $resource, array $numbers ) {
		if ( 'customer' === $resource ) {
			cache_users( $numbers );
		} elseif ( 'order' !== $resource ) {
			_prime_post_caches( $numbers, true, true );
		} elseif ( ! Tables::orders_apart() ) {
			_prime_post_caches( $numbers, false, true );
		}
	}

	/**
	 * The item's number in an id.
	 *
	 * @param string $id An id, of a variation parent:id.
	 */
	public static function number( string $id ): int {
		$parts = explode( ':', $id );
		return (int) end( $parts );
	}

	/**
	 * Ids in rising order above one: ids, next (empty at the end), total.
	 *
	 * @param string $resource product, variation, order or customer.
	 * @param string $after    An id.
	 * @param int    $limit    Most ids.
	 */
	public static function listed( string $resource, string $after, int $limit ): array {
		global $wpdb;
		list( $from, $id, $shown ) = self::source( $resource );
		// phpcs:disable WordPress.DB.PreparedSQL
		$found = $wpdb->get_col( $wpdb->prepare( "SELECT $shown FROM $from AND $id > %d ORDER BY $id LIMIT %d", self::number( $after ), $limit + 1 ) );
		$total = (int) $wpdb->get_var( "SELECT COUNT(*) FROM $from" );
		// phpcs:enable
		$ids = array_map( 'strval', array_slice( $found, 0, $limit ) );
		return array(
			'ids'   => $ids,
			'next'  => count( $found ) > $limit ? end( $ids ) : '',
			'total' => $total,
		);
	}

	/**
	 * Tables and conditions of a list, the column of its order, and what is told of each row.
	 *
	 * @param string $resource product, variation, order or customer.
	 * @return string[]
	 */
	private static function source( string $resource ): array {
		global $wpdb;
		if ( 'customer' === $resource ) {
			$role = $wpdb->prepare( 'm.meta_key = %s AND m.meta_value LIKE %s', $wpdb->get_blog_prefix() . 'capabilities', '%"customer"%' );
			return array( "{$wpdb->users} u JOIN {$wpdb->usermeta} m ON m.user_id = u.ID WHERE $role", 'u.ID', 'u.ID' );
		}
		if ( 'order' === $resource && Tables::orders_apart() ) {
			$table = Tables::of( 'order' )['item'];
			return array( "$table o WHERE o.type = 'shop_order' AND o.status NOT IN ('trash', 'auto-draft', 'wc-checkout-draft', 'checkout-draft')", 'o.id', 'o.id' );
		}
		if ( 'order' === $resource ) {
			return array( "{$wpdb->posts} p WHERE p.post_type = 'shop_order' AND p.post_status NOT IN ('trash', 'auto-draft', 'wc-checkout-draft')", 'p.ID', 'p.ID' );
		}
		if ( 'variation' === $resource ) {
			return array(
				"{$wpdb->posts} p JOIN {$wpdb->posts} q ON q.ID = p.post_parent AND q.post_type = 'product' AND q.post_status NOT IN ('trash', 'auto-draft') WHERE p.post_type = 'product_variation' AND p.post_status NOT IN ('trash', 'auto-draft')",
				'p.ID',
				"CONCAT(p.post_parent, ':', p.ID)",
			);
		}
		return array( "{$wpdb->posts} p WHERE p.post_type = 'product' AND p.post_status NOT IN ('trash', 'auto-draft')", 'p.ID', 'p.ID' );
	}
}
