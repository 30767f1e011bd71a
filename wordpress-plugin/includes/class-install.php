<?php
/**
 * Tables and what else an installation needs.
 *
 * @package SmartStore
 */

namespace SmartStore\WooCommerce;

defined( 'ABSPATH' ) || exit;

/**
 * Activation, upgrade, deactivation. (Removal: uninstall.php.)
 */
final class Install {

	const OPTION  = 'smartstore_db_version';
	const VERSION = 1;

	/**
	 * On activation.
	 */
	public static function activate() {
		delete_option( self::OPTION );
		self::upgrade();
		if ( class_exists( 'WooCommerce', false ) ) {
			Native_Webhooks::arrange();
		}
	}

	/**
	 * Makes the tables where they are missing or of an earlier version.
	 */
	public static function upgrade() {
		if ( self::VERSION === (int) get_option( self::OPTION ) || ! class_exists( 'WooCommerce', false ) ) {
			return;
		}
		global $wpdb;
		require_once ABSPATH . 'wp-admin/includes/upgrade.php';
		$collate  = $wpdb->get_charset_collate();
		$outbox   = Tables::outbox();
		$entities = Tables::entities();
		dbDelta(
			"CREATE TABLE $outbox (
  id bigint(20) unsigned NOT NULL AUTO_INCREMENT,
  kind varchar(20) NOT NULL,
  item_id bigint(20) unsigned NOT NULL,
  parent_id bigint(20) unsigned NOT NULL DEFAULT 0,
  topic varchar(40) NOT NULL,
  message_id varchar(40) NOT NULL,
  body longtext NULL,
  changes int(10) unsigned NOT NULL DEFAULT 1,
  started tinyint(1) NOT NULL DEFAULT 0,
  attempts int(10) unsigned NOT NULL DEFAULT 0,
  error varchar(500) NOT NULL DEFAULT '',
  created_at bigint(20) unsigned NOT NULL,
  next_at bigint(20) unsigned NOT NULL DEFAULT 0,
  PRIMARY KEY  (id),
  KEY item (kind,item_id,id)
) $collate;"
		);
		dbDelta(
			"CREATE TABLE $entities (
  name char(64) NOT NULL,
  item_id bigint(20) unsigned NOT NULL,
  PRIMARY KEY  (name)
) $collate;"
		);
		update_option( self::OPTION, self::VERSION );
		if ( did_action( 'woocommerce_init' ) ) {
			Marks::index();
		} else {
			add_action( 'woocommerce_init', array( Marks::class, 'index' ) );
		}
	}

	/**
	 * On deactivation: WooCommerce's own webhooks take over again. What is in the outbox stays for the next activation.
	 */
	public static function deactivate() {
		if ( function_exists( 'as_unschedule_all_actions' ) ) {
			as_unschedule_all_actions( '', array(), Sender::GROUP );
		}
		if ( class_exists( 'WooCommerce', false ) ) {
			Native_Webhooks::resume();
		}
	}
}
