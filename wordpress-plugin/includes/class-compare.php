<?php
/**
 * Whether a field still holds what was expected.
 *
 * @package SmartStore
 */

namespace SmartStore\WooCommerce;

defined( 'ABSPATH' ) || exit;

/**
 * Compares as WooCommerce does. Pure.
 */
final class Compare {

	const PRICES = array( 'regular_price', 'sale_price', 'price', 'total', 'subtotal' );

	/**
	 * Prices are compared as decimals, objects by the keys that are named, lists entry by entry, the rest as it is.
	 *
	 * @param string $name     REST field.
	 * @param mixed  $expected Decoded JSON.
	 * @param mixed  $held     Decoded JSON.
	 */
	public static function same( string $name, $expected, $held ): bool {
		if ( is_string( $expected ) && is_string( $held ) && in_array( $name, self::PRICES, true ) ) {
			$left  = self::decimal( $expected );
			$right = self::decimal( $held );
			return null !== $left && null !== $right ? $left === $right : $expected === $held;
		}
		if ( is_array( $expected ) && is_array( $held ) ) {
			return self::same_members( $name, $expected, $held );
		}
		if ( ( is_int( $expected ) || is_float( $expected ) ) && ( is_int( $held ) || is_float( $held ) ) ) {
			return (float) $expected === (float) $held;
		}
		return $expected === $held;
	}

	/**
	 * The first field that differs, or an empty text.
	 *
	 * @param array $expected REST fields.
	 * @param array $held     REST resource.
	 */
	public static function difference( array $expected, array $held ): string {
		foreach ( $expected as $name => $value ) {
			if ( ! array_key_exists( $name, $held ) || ! self::same( (string) $name, $value, $held[ $name ] ) ) {
				return (string) $name;
			}
		}
		return '';
	}

	/**
	 * Objects and lists.
	 *
	 * @param string $name     REST field.
	 * @param array  $expected Decoded JSON.
	 * @param array  $held     Decoded JSON.
	 */
	private static function same_members( string $name, array $expected, array $held ): bool {
		$is_list = array_keys( $expected ) === range( 0, count( $expected ) - 1 );
		if ( ( $is_list || ! $expected ) && count( $expected ) !== count( $held ) ) {
			// Decoded, {} and [] are the same: an object without keys asks for nothing.
			return ! $expected && array_keys( $held ) !== range( 0, count( $held ) - 1 );
		}
		foreach ( $expected as $key => $value ) {
			$inner = $is_list ? $name : (string) $key;
			if ( ! array_key_exists( $key, $held ) || ! self::same( $inner, $value, $held[ $key ] ) ) {
				return false;
			}
		}
		return true;
	}

	/**
	 * A decimal's one spelling ("1899.50" is "1899.5"); null for what is none.
	 *
	 * @param string $text As typed.
	 * @return string|null
	 */
	public static function decimal( string $text ) {
		if ( ! preg_match( '/^\s*([+-]?)0*(\d*)(?:\.(\d*?)0*)?\s*$/', $text, $part ) || ! preg_match( '/\d/', $text ) ) {
			return null;
		}
		$whole    = '' === $part[2] ? '0' : $part[2];
		$fraction = isset( $part[3] ) && '' !== $part[3] ? '.' . $part[3] : '';
		$sign     = '-' === $part[1] && ( '0' !== $whole || '' !== $fraction ) ? '-' : '';
		return $sign . $whole . $fraction;
	}
}
