<?php
/**
 * One operation of the sync route.
 *
 * @package SmartStore
 */

namespace SmartStore\WooCommerce;

defined( 'ABSPATH' ) || exit;

/**
 * Compares and writes under the item's lock (docs/plugin-route.md).
 */
final class Operation {

	/**
	 * Runs an operation. It fails alone.
	 *
	 * @param mixed $operation As it came in.
	 * @return array op, result, reason, resource, gone and, where there is more to say, message.
	 */
	public static function run( $operation ): array {
		try {
			Operation_Check::insist( $operation );
			switch ( $operation['do'] ) {
				case 'read':
					return Lock::snapshot(
						static function () use ( $operation ) {
							return self::read( $operation );
						}
					);
				case 'create':
					return self::create( $operation );
				default:
					return self::change( $operation );
			}
		} catch ( Refused $error ) {
			return self::answer( $operation, 'invalid', $error->reason, null, $error->getMessage() );
		} catch ( Lock_Lost $error ) {
			return self::answer( $operation, 'busy', 'lock', null, __( 'The item is being changed by others. Send it again.', 'smartstore-woocommerce' ) );
		} catch ( Unreadable $error ) {
			return self::answer( $operation, 'busy', 'read', null, $error->getMessage() );
		} catch ( \Throwable $error ) {
			wc_get_logger()->error( (string) $error, array( 'source' => 'smartstore' ) );
			return self::answer( $operation, 'invalid', 'smartstore_unexpected', null, $error->getMessage() );
		}
	}

	/**
	 * The answer to an operation for which there was no time any more.
	 *
	 * @param mixed $operation As it came in.
	 */
	public static function later( $operation ): array {
		return self::answer( $operation, 'busy', 'time' );
	}

	/**
	 * The item as it is; nothing is written.
	 *
	 * @param array $operation The operation.
	 */
	private static function read( array $operation ): array {
		$kind = self::found( $operation );
		if ( '' === $kind ) {
			return self::answer( $operation, 'missing' );
		}
		Items::forget( $kind, (int) $operation['id'] );
		return self::answer( $operation, 'taken', '', self::shown( $kind, (int) $operation['id'] ) );
	}

	/**
	 * A write or a delete of an item that is there.
	 *
	 * @param array $operation The operation.
	 */
	private static function change( array $operation ): array {
		$kind = self::found( $operation );
		$id   = (int) $operation['id'];
		if ( '' === $kind ) {
			return self::answer( $operation, 'missing' );
		}
		$mark = Marks::read( Items::load( $kind, $id ), $operation['resource'] );
		return self::with_pictures(
			$operation,
			$mark && $mark['op'] === $operation['op'],
			static function ( array $body ) use ( $operation, $kind, $id ) {
				return self::change_locked( $operation, $body, $kind, $id );
			}
		);
	}

	/**
	 * Does the work with the pictures that it needs; those of what was not written are taken away again.
	 *
	 * @param array    $operation The operation.
	 * @param bool     $is_repeat Whether it was done before.
	 * @param callable $work      Takes REST fields, gives an answer.
	 * @throws \Throwable What the work throws.
	 */
	private static function with_pictures( array $operation, bool $is_repeat, callable $work ): array {
		$want     = $operation['want'] ?? array();
		$pictures = new Pictures();
		$done     = false;
		try {
			$answer = $work( $is_repeat ? $want : $pictures->fetched( $want ) );
			$done   = 'taken' === $answer['result'];
			return $answer;
		} finally {
			if ( ! $done ) {
				$pictures->drop();
			}
		}
	}

	/**
	 * A write or a delete, under the item's lock.
	 *
	 * @param array  $operation The operation.
	 * @param array  $body      What is written of it.
	 * @param string $kind      product, variation, order or customer.
	 * @param int    $id        The item.
	 */
	private static function change_locked( array $operation, array $body, string $kind, int $id ): array {
		return Lock::item(
			$kind,
			$id,
			static function () use ( $operation, $body, $kind, $id ) {
				if ( '' === self::found( $operation ) ) {
					return self::answer( $operation, 'missing' );
				}
				$mark = Marks::read( Items::load( $kind, $id ), $operation['resource'] );
				$held = self::shown( $kind, $id );
				if ( $mark && $mark['op'] === $operation['op'] ) {
					return self::answer( $operation, 'taken', '', $held );
				}
				$objection = self::objection( $operation, $mark, $held );
				if ( '' !== $objection ) {
					return self::answer( $operation, 'refused', $objection, $held );
				}
				if ( 'delete' === $operation['do'] ) {
					if ( 'customer' === $kind || ! Items::trashed( $held ) ) {
						Items::trash( $kind, $id );
					}
				} else {
					self::write( $kind, $id, $body );
				}
				return self::taken( $kind, $id, $operation, $mark );
			}
		);
	}

	/**
	 * Writes the wanted values.
	 *
	 * @param string $kind product, variation, order or customer.
	 * @param int    $id   The item.
	 * @param array  $want REST fields.
	 */
	private static function write( string $kind, int $id, array $want ) {
		if ( ! $want ) {
			return; // The mark alone.
		}
		if ( 'order' === $kind ) {
			Order_Stock::hold(
				static function () use ( $id, $want ) {
					return Items::save( 'order', $id, $want );
				}
			);
			Order_Stock::keep_in_step( $id );
			return;
		}
		Items::save( $kind, $id, $want );
	}

	/**
	 * Why the item may not be written now, or an empty text. Pure.
	 *
	 * @param array      $operation The operation.
	 * @param array|null $mark      The mark of the last one.
	 * @param array      $held      The REST resource.
	 */
	private static function objection( array $operation, $mark, array $held ): string {
		$last = $mark ? $mark['op'] : null;
		if ( $last && $operation['op'] <= $last ) {
			return 'sequence';
		}
		if ( ( $operation['after'] ?? null ) !== $last ) {
			return 'after';
		}
		$plain = json_decode( wp_json_encode( $held ), true );
		return '' === Compare::difference( $operation['expected'] ?? array(), $plain ) ? '' : 'expected';
	}

	/**
	 * A new item, unless it is there already.
	 *
	 * @param array $operation The operation.
	 * @throws Refused With WooCommerce's error code.
	 */
	private static function create( array $operation ): array {
		$kind = $operation['resource'];
		if ( 'stock' === $kind ) {
			throw new Refused( 'rest_invalid_param', __( 'Stock belongs to an item: write it.', 'smartstore-woocommerce' ) );
		}
		$sku = self::sku_of( $kind, $operation['want'] );
		try {
			return self::with_pictures(
				$operation,
				Marks::known( $kind, $operation['entity'] ) || ( '' !== $sku && wc_get_product_id_by_sku( $sku ) ),
				static function ( array $want ) use ( $operation, $kind ) {
					return self::create_once( $operation, $want, $kind );
				}
			);
		} catch ( Refused $error ) {
			// Somebody else may have saved an item with this SKU meanwhile.
			$same_sku = self::with_sku( $kind, $operation['want'] );
			if ( $same_sku ) {
				return self::answer( $operation, 'refused', 'sku', $same_sku );
			}
			throw $error;
		}
	}

	/**
	 * A new item, in one transaction with the entity that it is made for.
	 *
	 * @param array  $operation The operation.
	 * @param array  $want      What is written of it.
	 * @param string $kind      product, variation, order or customer.
	 */
	private static function create_once( array $operation, array $want, string $kind ): array {
		return Lock::transaction(
			static function () use ( $operation, $want, $kind ) {
				$own = Marks::item_of( $kind, $operation['entity'] );
				if ( $own && '' !== Items::kind( $kind, $own ) ) {
					return self::met( $operation, $own );
				}
				$parent = (int) ( $operation['parent_id'] ?? 0 );
				if ( 'variation' === $kind && '' === Items::kind( 'product', $parent ) ) {
					return self::answer( $operation, 'missing' );
				}
				$same_sku = self::with_sku( $kind, $operation['want'] );
				if ( $same_sku ) {
					return self::answer( $operation, 'refused', 'sku', $same_sku );
				}
				if ( 'order' === $kind ) {
					$id = Order_Stock::hold(
						static function () use ( $want ) {
							return Items::save( 'order', 0, $want );
						}
					);
					Order_Stock::mark_taken( $id );
				} else {
					$id = Items::save( $kind, 0, $want, $parent );
				}
				return self::taken( $kind, $id, $operation, null );
			}
		);
	}

	/**
	 * A create met the item that was made for the same entity before.
	 *
	 * @param array $operation The operation.
	 * @param int   $id        The item.
	 */
	private static function met( array $operation, int $id ): array {
		$kind = $operation['resource'];
		Items::forget( $kind, $id );
		$held = self::shown( $kind, $id );
		if ( Items::trashed( $held ) ) {
			return self::answer( $operation, 'refused', 'removed', $held );
		}
		$mark = Marks::read( Items::load( $kind, $id ), $kind );
		if ( $mark && $mark['op'] === $operation['op'] ) {
			return self::answer( $operation, 'taken', '', $held );
		}
		return self::answer( $operation, 'refused', 'after', $held );
	}

	/**
	 * The item that has the SKU of a new one; null for none.
	 *
	 * @param string $kind product, variation, order or customer.
	 * @param array  $want REST fields.
	 * @return array|null
	 */
	private static function with_sku( string $kind, array $want ) {
		$sku = self::sku_of( $kind, $want );
		$id  = '' !== $sku ? (int) wc_get_product_id_by_sku( $sku ) : 0;
		return $id ? self::shown( Items::kind( 'stock', $id ), $id ) : null;
	}

	/**
	 * The SKU of a new item, an empty text for none.
	 *
	 * @param string $kind product, variation, order or customer.
	 * @param array  $want REST fields.
	 */
	private static function sku_of( string $kind, array $want ): string {
		$is_item = in_array( $kind, array( 'product', 'variation' ), true );
		return $is_item && isset( $want['sku'] ) && is_scalar( $want['sku'] ) ? trim( (string) $want['sku'] ) : '';
	}

	/**
	 * The answer to what was written now: mark, revision, and the item as it is after both.
	 *
	 * @param string     $kind      product, variation, order or customer.
	 * @param int        $id        The item.
	 * @param array      $operation The operation.
	 * @param array|null $mark      The mark before.
	 */
	private static function taken( string $kind, int $id, array $operation, $mark ): array {
		Items::forget( $kind, $id );
		$plain = json_decode( wp_json_encode( self::shown( $kind, $id ) ), true );
		Marks::write( $kind, $id, $operation['resource'], Marks::after( $mark, $operation, $plain ) );
		Revision::raise( $kind, $id );
		return self::answer( $operation, 'taken', '', self::shown( $kind, $id ) );
	}

	/**
	 * What the operation's id is, an empty text for no such item.
	 *
	 * @param array $operation The operation.
	 */
	private static function found( array $operation ): string {
		return Items::kind( $operation['resource'], (int) $operation['id'], (int) ( $operation['parent_id'] ?? 0 ) );
	}

	/**
	 * The REST resource of an item that is there.
	 *
	 * @param string $kind product, variation, order or customer.
	 * @param int    $id   The item.
	 * @throws Refused When WooCommerce cannot show it.
	 */
	private static function shown( string $kind, int $id ): array {
		$resource = Items::resource( $kind, $id );
		if ( null === $resource ) {
			throw new Refused( 'woocommerce_rest_invalid_id', __( 'WooCommerce cannot show this item.', 'smartstore-woocommerce' ) );
		}
		return $resource;
	}

	/**
	 * Puts an answer together.
	 *
	 * @param mixed      $operation The operation.
	 * @param string     $result    taken, refused, missing, invalid or busy.
	 * @param string     $reason    Why.
	 * @param array|null $held      The REST resource.
	 * @param string     $message   Words for a person.
	 */
	private static function answer( $operation, string $result, string $reason = '', $held = null, string $message = '' ): array {
		$answer = array(
			'op'       => is_array( $operation ) ? ( $operation['op'] ?? null ) : null,
			'result'   => $result,
			'reason'   => $reason,
			'resource' => $held,
			'gone'     => 'missing' === $result || ( $held && Items::trashed( $held ) ),
		);
		return '' === $message ? $answer : $answer + array( 'message' => $message );
	}
}
