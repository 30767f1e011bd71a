<?php
/**
 * Pictures that are named by an address.
 *
 * @package SmartStore
 */

namespace SmartStore\WooCommerce;

defined( 'ABSPATH' ) || exit;

/**
 * Fetches pictures before an item is locked: another server may take seconds to answer, and nobody else could save or
 * sell the item meanwhile.
 */
final class Pictures {

	/**
	 * Attachments made by this one.
	 *
	 * @var int[]
	 */
	private $made = array();

	/**
	 * REST fields with the ids of fetched pictures in place of addresses.
	 *
	 * @param array $want REST fields.
	 * @return array
	 * @throws Refused With WooCommerce's error code, where one cannot be had.
	 */
	public function fetched( array $want ): array {
		if ( isset( $want['images'] ) && is_array( $want['images'] ) ) {
			$want['images'] = array_map( array( $this, 'one' ), $want['images'] );
		}
		if ( isset( $want['image'] ) ) {
			$want['image'] = $this->one( $want['image'] );
		}
		return $want;
	}

	/**
	 * Takes away what was fetched for an item that was not written.
	 */
	public function drop() {
		foreach ( $this->made as $id ) {
			wp_delete_attachment( $id, true );
		}
		$this->made = array();
	}

	/**
	 * One picture with its id; as it is where it has one, or is none.
	 *
	 * @param mixed $picture An entry of `images`.
	 * @return mixed
	 * @throws Refused Where it cannot be had; what was fetched before it is taken away.
	 */
	private function one( $picture ) {
		if ( ! is_array( $picture ) || ! empty( $picture['id'] ) || empty( $picture['src'] ) || ! is_string( $picture['src'] ) ) {
			return $picture;
		}
		$upload = wc_rest_upload_image_from_url( esc_url_raw( $picture['src'] ) );
		$id     = is_wp_error( $upload ) ? $upload : wc_rest_set_uploaded_image_as_attachment( $upload );
		if ( is_wp_error( $id ) ) {
			$this->drop();
			throw new Refused( 'woocommerce_product_image_upload_error', $id->get_error_message() );
		}
		$this->made[] = (int) $id;
		unset( $picture['src'] );
		return array( 'id' => (int) $id ) + $picture;
	}
}
