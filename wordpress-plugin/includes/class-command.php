<?php
/**
 * WP-CLI: wp smartstore …
 *
 * @package SmartStore
 */

namespace SmartStore\WooCommerce;

defined( 'ABSPATH' ) || exit;

/**
 * Shows and runs the sync with SmartStore.
 */
final class Command {

	/**
	 * Shows how the sync stands.
	 *
	 * ## OPTIONS
	 *
	 * [--format=<format>]
	 * : table, json, yaml or csv.
	 * ---
	 * default: table
	 * ---
	 *
	 * @param array $args    Arguments.
	 * @param array $options Options.
	 */
	public function status( $args, $options ) {
		$status = Status::all();
		if ( 'json' === ( $options['format'] ?? '' ) ) {
			\WP_CLI::line( wp_json_encode( $status ) );
			return;
		}
		$rows = array();
		foreach ( $status as $name => $value ) {
			$rows[] = array(
				'name'  => $name,
				'value' => is_scalar( $value ) ? var_export( $value, true ) : wp_json_encode( $value ), // phpcs:ignore WordPress.PHP.DevelopmentFunctions
			);
		}
		\WP_CLI\Utils\format_items( $options['format'], $rows, array( 'name', 'value' ) );
	}

	/**
	 * Tests the connection. Fails where a step fails.
	 *
	 * ## OPTIONS
	 *
	 * [--format=<format>]
	 * : table, json, yaml or csv.
	 * ---
	 * default: table
	 * ---
	 *
	 * @param array $args    Arguments.
	 * @param array $options Options.
	 */
	public function test( $args, $options ) {
		$steps = Connection::test();
		\WP_CLI\Utils\format_items( $options['format'], $steps, array( 'name', 'ok', 'words' ) );
		if ( ! Connection::is_good( $steps ) ) {
			\WP_CLI::halt( 1 );
		}
	}

	/**
	 * Puts all products or all orders into the outbox, and sends them.
	 *
	 * ## OPTIONS
	 *
	 * <what>
	 * : products or orders.
	 *
	 * [--format=<format>]
	 * : json for one JSON object.
	 *
	 * @param array $args    Arguments.
	 * @param array $options Options.
	 */
	public function resync( $args, $options ) {
		if ( ! isset( Resync::KINDS[ $args[0] ] ) ) {
			\WP_CLI::error( 'products or orders?' );
		}
		if ( ! Settings::complete() ) {
			\WP_CLI::error( __( 'Connect first: paste a pairing code, or fill in the settings and save.', 'smartstore-woocommerce' ) );
		}
		Resync::start( $args[0] );
		$progress = Resync::progress( $args[0] );
		while ( ! $progress['finished'] ) {
			Resync::work( $args[0] );
			$progress = Resync::progress( $args[0] );
		}
		as_unschedule_all_actions( Resync::HOOK, array( $args[0] ), Sender::GROUP );
		$this->tell(
			$options,
			array(
				'queued' => $progress['done'],
				'sent'   => Sender::run( 3600 ),
			)
		);
	}

	/**
	 * Shows what waits to be sent, or sends it.
	 *
	 * ## OPTIONS
	 *
	 * [<action>]
	 * : list, or send: tries everything now.
	 * ---
	 * default: list
	 * ---
	 *
	 * [--limit=<limit>]
	 * : Most rows.
	 * ---
	 * default: 50
	 * ---
	 *
	 * [--format=<format>]
	 * : table, json, yaml or csv.
	 * ---
	 * default: table
	 * ---
	 *
	 * @param array $args    Arguments.
	 * @param array $options Options.
	 */
	public function outbox( $args, $options ) {
		if ( 'send' === ( $args[0] ?? 'list' ) ) {
			Sender::hurry();
			$sent = Sender::run( 3600 );
			$this->tell(
				$options,
				array(
					'sent'    => $sent,
					'pending' => Outbox::state()['pending'],
					'error'   => Sender::state()['error'],
				)
			);
			return;
		}
		$names = array( 'id', 'topic', 'item_id', 'changes', 'attempts', 'error', 'created_at', 'next_at' );
		\WP_CLI\Utils\format_items( $options['format'], Outbox::listed( (int) $options['limit'] ), $names );
	}

	/**
	 * Connects this shop with a pairing code.
	 *
	 * ## OPTIONS
	 *
	 * <code>
	 * : As SmartStore shows it.
	 *
	 * [--format=<format>]
	 * : json for one JSON object.
	 *
	 * @param array $args    Arguments.
	 * @param array $options Options.
	 */
	public function pair( $args, $options ) {
		if ( ! get_current_user_id() ) {
			\WP_CLI::error( __( 'Say whose key it will be: add --user=<an administrator>.', 'smartstore-woocommerce' ) );
		}
		$result = Pairing::pair( $args[0] );
		$this->tell( $options, $result );
		if ( ! $result['ok'] ) {
			\WP_CLI::halt( 1 );
		}
	}

	/**
	 * Prints an answer.
	 *
	 * @param array $options Options.
	 * @param array $answer  Names to values.
	 */
	private function tell( array $options, array $answer ) {
		if ( 'json' === ( $options['format'] ?? '' ) ) {
			\WP_CLI::line( wp_json_encode( $answer ) );
			return;
		}
		foreach ( $answer as $name => $value ) {
			\WP_CLI::line( $name . ': ' . ( is_string( $value ) ? $value : wp_json_encode( $value ) ) );
		}
	}
}
