<?php
/**
 * An operation that cannot be done.
 *
 * @package SmartStore
 */

namespace SmartStore\WooCommerce;

defined( 'ABSPATH' ) || exit;

/**
 * Carries a REST error code and its words.
 */
final class Refused extends \Exception {

	/**
	 * The REST error code.
	 *
	 * @var string
	 */
	public $reason;

	/**
	 * Makes it.
	 *
	 * @param string $reason  REST error code.
	 * @param string $message Words for a person.
	 */
	public function __construct( string $reason, string $message ) {
		parent::__construct( $message );
		$this->reason = $reason;
	}
}
