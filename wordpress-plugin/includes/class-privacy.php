<?php
/**
 * Personal data: what the plugin holds, and what it sends where.
 *
 * @package SmartStore
 */

namespace SmartStore\WooCommerce;

defined( 'ABSPATH' ) || exit;

/**
 * The plugin keeps no personal data but the deliveries that still wait in its outbox.
 */
final class Privacy {

	/**
	 * Hooks in.
	 */
	public static function listen() {
		add_action( 'admin_init', array( self::class, 'suggest_policy' ) );
		add_filter( 'wp_privacy_personal_data_exporters', array( self::class, 'add_exporter' ) );
		// After WooCommerce's own, which make orders anonymous first.
		add_filter( 'wp_privacy_personal_data_erasers', array( self::class, 'add_eraser' ), 20 );
	}

	/**
	 * Words for the shop's privacy policy.
	 */
	public static function suggest_policy() {
		if ( function_exists( 'wp_add_privacy_policy_content' ) ) {
			$words = __( 'We keep products, orders and customer accounts the same in our shop and in our SmartStore system. For that we send orders (names, addresses, e-mail addresses, phone numbers, what was bought) and customer accounts to that system as they are placed or changed.', 'smartstore-woocommerce' );
			wp_add_privacy_policy_content( 'SmartStore Sync for WooCommerce', wpautop( esc_html( $words ) ) );
		}
	}

	/**
	 * Registers the exporter.
	 *
	 * @param array $exporters Exporters.
	 */
	public static function add_exporter( $exporters ) {
		$exporters['smartstore'] = array(
			'exporter_friendly_name' => __( 'SmartStore Sync', 'smartstore-woocommerce' ),
			'callback'               => array( self::class, 'export' ),
		);
		return $exporters;
	}

	/**
	 * Registers the eraser.
	 *
	 * @param array $erasers Erasers.
	 */
	public static function add_eraser( $erasers ) {
		$erasers['smartstore'] = array(
			'eraser_friendly_name' => __( 'SmartStore Sync', 'smartstore-woocommerce' ),
			'callback'             => array( self::class, 'erase' ),
		);
		return $erasers;
	}

	/**
	 * A person's deliveries that still wait.
	 *
	 * @param string $email Their e-mail address.
	 */
	public static function export( $email ): array {
		$data = array();
		foreach ( self::rows( $email ) as $row ) {
			$data[] = array(
				'group_id'    => 'smartstore',
				'group_label' => __( 'Changes waiting to be sent to SmartStore', 'smartstore-woocommerce' ),
				'item_id'     => 'smartstore-' . $row['id'],
				'data'        => array(
					array(
						'name'  => $row['topic'],
						'value' => $row['body'] ?? (string) $row['item_id'],
					),
				),
			);
		}
		return array(
			'data' => $data,
			'done' => true,
		);
	}

	/**
	 * Forgets what was built of a person's data. The deliveries stay: they are built anew from what the shop then holds.
	 *
	 * @param string $email Their e-mail address.
	 */
	public static function erase( $email ): array {
		$rows = array_filter(
			self::rows( $email ),
			static function ( $row ) {
				return null !== $row['body'];
			}
		);
		Outbox::rebuild( array_column( $rows, 'id' ) );
		return array(
			'items_removed'  => (bool) $rows,
			'items_retained' => false,
			'messages'       => array(),
			'done'           => true,
		);
	}

	/**
	 * Rows of a person: of the account, and of orders by account or e-mail address; or of deliveries that name it.
	 *
	 * @param string $email E-mail address.
	 * @return array[]
	 */
	private static function rows( string $email ): array {
		$user   = get_user_by( 'email', $email );
		$orders = wc_get_orders(
			array(
				'customer' => $user ? array( $email, $user->ID ) : array( $email ),
				'limit'    => -1,
				'return'   => 'ids',
			)
		);
		$found  = array();
		foreach ( array_merge( Outbox::of( 'order', $orders ), Outbox::of( 'customer', $user ? array( $user->ID ) : array() ), Outbox::naming( $email ) ) as $row ) {
			$found[ $row['id'] ] = $row;
		}
		return array_values( $found );
	}
}
