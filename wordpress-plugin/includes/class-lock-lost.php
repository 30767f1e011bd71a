<?php
/**
 * The database gave up a transaction.
 *
 * @package SmartStore
 */

namespace SmartStore\WooCommerce;

defined( 'ABSPATH' ) || exit;

/**
 * An Error and no Exception: WooCommerce catches exceptions while it saves, and would go on outside the transaction.
 */
final class Lock_Lost extends \Error {
}
