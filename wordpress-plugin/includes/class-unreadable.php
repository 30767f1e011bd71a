<?php
/**
 * An item is there and cannot be read just now.
 *
 * @package SmartStore
 */

namespace SmartStore\WooCommerce;

defined( 'ABSPATH' ) || exit;

/**
 * It is neither gone nor wrong: the same question later has an answer.
 */
final class Unreadable extends \RuntimeException {
}
