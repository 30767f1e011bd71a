<?php
/**
 * Our marks in items, and which item was made for which entity.
 *
 * @package SmartStore
 */

namespace SmartStore\WooCommerce;

defined( 'ABSPATH' ) || exit;

/**
 * A mark is the meta entry _smartstore_<resource>: {"entity", "op": [epoch, counter], "fields": {name: {"op", "value",
 * "wanted"[, "total"]}}}.
 */
final class Marks {

	const PREFIX    = '_smartstore_';
	const RESOURCES = array( 'product', 'variation', 'stock', 'order', 'customer' );
	const COUNTERS  = array( 'stock_quantity' );

	/**
	 * Whether the mark itself is being written: that is no change of its own.
	 *
	 * @var bool
	 */
	public static $writing = false;

	/**
	 * Hooks in.
	 */
	public static function listen() {
		foreach ( array( 'product', 'product_variation', 'shop_order' ) as $type ) {
			add_action( "woocommerce_rest_insert_{$type}_object", array( self::class, 'notice' ), 10, 3 );
		}
	}

	/**
	 * An item was created by core's REST API with a mark: SmartStore had not seen yet that the plugin is there.
	 *
	 * @param \WC_Data         $object   The item.
	 * @param \WP_REST_Request $request  The request.
	 * @param bool             $creating Whether it is new.
	 */
	public static function notice( $object, $request, $creating ) {
		$kind = $object instanceof \WC_Product ? ( $object instanceof \WC_Product_Variation ? 'variation' : 'product' ) : 'order';
		$mark = $creating ? self::read( $object, $kind ) : null;
		if ( $mark && isset( $mark['entity'] ) ) {
			self::remember( $kind, (string) $mark['entity'], $object->get_id() );
		}
	}

	/**
	 * The mark of an item, or null.
	 *
	 * @param \WC_Data $object   The item.
	 * @param string   $resource product, variation, stock, order or customer.
	 * @return array|null
	 */
	public static function read( $object, string $resource ) {
		$mark = self::decoded( $object->get_meta( self::PREFIX . $resource, true, 'edit' ) );
		if ( 'customer' !== $resource ) {
			return $mark;
		}
		// Written while there was no plugin: core's REST API takes no hidden entry for a customer.
		$open = self::decoded( $object->get_meta( 'smartstore_customer', true, 'edit' ) );
		return $open && ( ! $mark || $open['op'] > $mark['op'] ) ? $open : $mark;
	}

	/**
	 * A stored mark as an array: an object, or the JSON text that is written where there is no plugin.
	 *
	 * @param mixed $held Meta value.
	 * @return array|null
	 */
	public static function decoded( $held ) {
		$held = is_string( $held ) ? json_decode( $held, true ) : json_decode( wp_json_encode( $held ), true );
		return is_array( $held ) && isset( $held['op'] ) && self::is_op( $held['op'] ) ? $held : null;
	}

	/**
	 * Whether a value is an operation id.
	 *
	 * @param mixed $value Decoded JSON.
	 */
	public static function is_op( $value ): bool {
		return is_array( $value ) && array( 0, 1 ) === array_keys( $value ) && is_int( $value[0] ) && is_int( $value[1] );
	}

	/**
	 * The mark after an operation. Fields of earlier operations keep their entries. Pure.
	 *
	 * @param array|null $held      The mark before.
	 * @param array      $operation The operation.
	 * @param array      $resource  The REST resource after it, decoded.
	 */
	public static function after( $held, array $operation, array $resource ): array {
		$fields = (array) ( $held['fields'] ?? array() );
		$totals = $operation['totals'] ?? array();
		foreach ( $operation['want'] ?? array() as $name => $wanted ) {
			if ( 'meta_data' === $name ) {
				continue;
			}
			$entry = array(
				'op'     => $operation['op'],
				'value'  => $resource[ $name ] ?? null,
				'wanted' => $wanted,
			);
			if ( in_array( $name, self::COUNTERS, true ) || isset( $totals[ $name ] ) ) {
				$entry['total'] = $totals[ $name ] ?? 0;
			}
			$fields[ $name ] = $entry;
		}
		return array(
			'entity' => $operation['entity'],
			'op'     => $operation['op'],
			'fields' => $fields ? $fields : (object) array(),
		);
	}

	/**
	 * Writes a mark. WooCommerce strips backslashes from an array when it adds a meta entry, and not when it changes
	 * one: what did not arrive as it is, is written once more.
	 *
	 * @param string $kind     product, variation, order or customer.
	 * @param int    $id       The item.
	 * @param string $resource product, variation, stock, order or customer.
	 * @param array  $mark     The mark.
	 */
	public static function write( string $kind, int $id, string $resource, array $mark ) {
		$wanted        = json_decode( wp_json_encode( $mark ), true );
		self::$writing = true;
		try {
			for ( $time = 0; $time < 2; $time++ ) {
				$object = Items::load( $kind, $id );
				$object->update_meta_data( self::PREFIX . $resource, $mark );
				$object->save_meta_data();
				Items::forget( $kind, $id );
				if ( self::read( Items::load( $kind, $id ), $resource ) === $wanted ) {
					break;
				}
			}
		} finally {
			self::$writing = false;
		}
		self::remember( $resource, $mark['entity'], $id );
	}

	/**
	 * Which item was made for an entity, 0 for none. Inside a transaction the answer stays true until its end, also
	 * where there is none yet: a second one that asks for the same entity waits.
	 *
	 * @param string $resource product, variation, order or customer.
	 * @param string $entity   Our entity.
	 */
	public static function item_of( string $resource, string $entity ): int {
		global $wpdb;
		$table = Tables::entities();
		$name  = self::name( $resource, $entity );
		// phpcs:disable WordPress.DB.PreparedSQL.InterpolatedNotPrepared
		$wpdb->query( $wpdb->prepare( "INSERT IGNORE INTO $table (name, item_id) VALUES (%s, 0)", $name ) );
		return (int) $wpdb->get_var( $wpdb->prepare( "SELECT item_id FROM $table WHERE name = %s FOR UPDATE", $name ) );
		// phpcs:enable
	}

	/**
	 * Whether an item was made for an entity, as far as can be told without waiting.
	 *
	 * @param string $resource product, variation, order or customer.
	 * @param string $entity   Our entity.
	 */
	public static function known( string $resource, string $entity ): bool {
		global $wpdb;
		$table = Tables::entities();
		// phpcs:ignore WordPress.DB.PreparedSQL.InterpolatedNotPrepared
		return (bool) $wpdb->get_var( $wpdb->prepare( "SELECT item_id FROM $table WHERE name = %s AND item_id > 0", self::name( $resource, $entity ) ) );
	}

	/**
	 * Notes which item has an entity's mark.
	 *
	 * @param string $resource product, variation, stock, order or customer.
	 * @param string $entity   Our entity.
	 * @param int    $id       The item.
	 */
	public static function remember( string $resource, string $entity, int $id ) {
		global $wpdb;
		$wpdb->replace(
			Tables::entities(),
			array(
				'name'    => self::name( $resource, $entity ),
				'item_id' => $id,
			),
			array( '%s', '%d' )
		);
	}

	/**
	 * The index's key: entity ids are opaque, of any length, and tell capitals apart.
	 *
	 * @param string $resource product, variation, stock, order or customer.
	 * @param string $entity   Our entity.
	 */
	private static function name( string $resource, string $entity ): string {
		return hash( 'sha256', $resource . "\n" . $entity );
	}

	/**
	 * Fills the index from the marks in the items: it was removed with an earlier installation, or they were written
	 * while the plugin was away.
	 */
	public static function index() {
		global $wpdb;
		foreach ( array( 'product', 'variation', 'order', 'customer' ) as $kind ) {
			$names = Tables::of( $kind );
			$last  = 0;
			do {
				$rows = $wpdb->get_results(
					// phpcs:disable WordPress.DB.PreparedSQL.InterpolatedNotPrepared
					$wpdb->prepare(
						"SELECT {$names['meta_id']} AS id, {$names['owner']} AS owner, meta_value FROM {$names['meta']} WHERE meta_key = %s AND {$names['meta_id']} > %d ORDER BY {$names['meta_id']} LIMIT 500",
						self::PREFIX . $kind,
						$last
					)
					// phpcs:enable
				);
				$read = count( $rows );
				foreach ( $rows as $row ) {
					$last = (int) $row->id;
					$mark = self::decoded( maybe_unserialize( $row->meta_value ) );
					if ( $mark && isset( $mark['entity'] ) ) {
						self::remember( $kind, (string) $mark['entity'], (int) $row->owner );
					}
				}
			} while ( 500 === $read );
		}
	}
}
