<?php
/**
 * Whether an operation says what it must.
 *
 * @package SmartStore
 */

namespace SmartStore\WooCommerce;

defined( 'ABSPATH' ) || exit;

/**
 * Strict: what the route does not know, or lacks, is an error in the caller. Pure.
 */
final class Operation_Check {

	const FIELDS = array( 'do', 'resource', 'entity', 'id', 'parent_id', 'op', 'after', 'expected', 'want', 'totals' );
	const STOCK  = array( 'stock_quantity', 'manage_stock', 'stock_status', 'backorders', 'low_stock_amount' );
	const NEEDED = array(
		'read'   => array( 'id' ),
		'write'  => array( 'id', 'entity', 'op', 'want' ),
		'create' => array( 'entity', 'op', 'want' ),
		'delete' => array( 'id', 'entity', 'op' ),
	);

	/**
	 * Checks one operation.
	 *
	 * @param mixed $operation As it came in.
	 * @throws Refused With rest_invalid_param or rest_missing_callback_param.
	 */
	public static function insist( $operation ) {
		if ( ! is_array( $operation ) ) {
			self::invalid( 'operations' );
		}
		$unknown = array_diff( array_keys( $operation ), self::FIELDS );
		if ( $unknown ) {
			self::invalid( implode( ', ', $unknown ) );
		}
		$do       = $operation['do'] ?? '';
		$resource = $operation['resource'] ?? '';
		if ( ! is_string( $do ) || ! isset( self::NEEDED[ $do ] ) || ! in_array( $resource, Marks::RESOURCES, true ) ) {
			self::invalid( 'do, resource' );
		}
		$missing = array();
		foreach ( self::NEEDED[ $do ] as $name ) {
			if ( in_array( $operation[ $name ] ?? null, array( null, '', 0 ), true ) ) {
				$missing[] = $name;
			}
		}
		if ( 'variation' === $resource && 'create' === $do && empty( $operation['parent_id'] ) ) {
			$missing[] = 'parent_id';
		}
		if ( $missing ) {
			/* translators: %s: names of fields. */
			throw new Refused( 'rest_missing_callback_param', sprintf( __( 'Missing parameter(s): %s', 'smartstore-woocommerce' ), implode( ', ', $missing ) ) );
		}
		self::insist_on_types( $operation );
	}

	/**
	 * Checks the fields' types, and that stock writes no more than stock.
	 *
	 * @param array $operation The operation.
	 */
	private static function insist_on_types( array $operation ) {
		foreach ( array( 'id', 'parent_id' ) as $name ) {
			if ( isset( $operation[ $name ] ) && ! is_int( $operation[ $name ] ) ) {
				self::invalid( $name );
			}
		}
		foreach ( array( 'op', 'after' ) as $name ) {
			if ( isset( $operation[ $name ] ) && ! Marks::is_op( $operation[ $name ] ) && ( 'op' !== $name || 'read' !== $operation['do'] ) ) {
				self::invalid( $name );
			}
		}
		foreach ( array( 'expected', 'want', 'totals' ) as $name ) {
			if ( isset( $operation[ $name ] ) && ! is_array( $operation[ $name ] ) ) {
				self::invalid( $name );
			}
		}
		if ( isset( $operation['entity'] ) && ! is_string( $operation['entity'] ) ) {
			self::invalid( 'entity' );
		}
		if ( 'stock' === $operation['resource'] && 'write' === $operation['do'] ) {
			$others = array_diff( array_keys( $operation['want'] ), self::STOCK );
			if ( $others ) {
				self::invalid( implode( ', ', $others ) );
			}
		}
	}

	/**
	 * Refuses.
	 *
	 * @param string $names Names of fields.
	 * @throws Refused Always.
	 */
	private static function invalid( string $names ) {
		/* translators: %s: names of fields. */
		throw new Refused( 'rest_invalid_param', sprintf( __( 'Invalid parameter(s): %s', 'smartstore-woocommerce' ), $names ) );
	}
}
