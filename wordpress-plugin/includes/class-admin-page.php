<?php
/**
 * SmartStore → WooCommerce Integration.
 *
 * @package SmartStore
 */

namespace SmartStore\WooCommerce;

defined( 'ABSPATH' ) || exit;

/**
 * The settings page.
 */
final class Admin_Page {

	const SLUG  = 'smartstore-woocommerce';
	const GROUP = 'smartstore';

	/**
	 * Hooks in.
	 */
	public static function listen() {
		add_action( 'admin_menu', array( self::class, 'add_menu' ) );
		add_action( 'admin_init', array( self::class, 'register' ) );
		add_action( 'admin_enqueue_scripts', array( self::class, 'enqueue' ) );
		add_filter( 'option_page_capability_' . self::GROUP, array( self::class, 'capability' ) );
		add_filter( 'plugin_action_links_' . plugin_basename( FILE ), array( self::class, 'link' ) );
		add_action( 'update_option_' . Settings::OPTION, array( Sender::class, 'hurry' ), 20 );
	}

	/**
	 * Who may.
	 */
	public static function capability(): string {
		return 'manage_woocommerce';
	}

	/**
	 * The menu.
	 */
	public static function add_menu() {
		$title = __( 'WooCommerce Integration', 'smartstore-woocommerce' );
		add_menu_page( $title, 'SmartStore', self::capability(), self::SLUG, array( self::class, 'show' ), 'dashicons-update', 56 );
		add_submenu_page( self::SLUG, $title, $title, self::capability(), self::SLUG, array( self::class, 'show' ) );
	}

	/**
	 * A link to it in the list of plugins.
	 *
	 * @param string[] $links Links.
	 * @return string[]
	 */
	public static function link( $links ) {
		$settings = sprintf( '<a href="%s">%s</a>', esc_url( admin_url( 'admin.php?page=' . self::SLUG ) ), esc_html__( 'Settings', 'smartstore-woocommerce' ) );
		return array_merge( array( $settings ), $links );
	}

	/**
	 * Script and style, on this page only.
	 *
	 * @param string $page The page's hook.
	 */
	public static function enqueue( $page ) {
		if ( 'toplevel_page_' . self::SLUG !== $page ) {
			return;
		}
		wp_enqueue_style( 'smartstore-admin', plugins_url( 'assets/admin.css', FILE ), array(), VERSION );
		wp_enqueue_script( 'smartstore-admin', plugins_url( 'assets/admin.js', FILE ), array( 'wp-api-fetch' ), VERSION, true );
		$words = array(
			'working' => __( 'Working…', 'smartstore-woocommerce' ),
			'failed'  => __( 'That did not work:', 'smartstore-woocommerce' ),
			'good'    => __( 'All is well.', 'smartstore-woocommerce' ),
			'paste'   => __( 'Paste the code first.', 'smartstore-woocommerce' ),
			/* translators: 1: number of items done, 2: number of all. */
			'queued'  => __( '%1$s of %2$s put in the queue', 'smartstore-woocommerce' ),
			/* translators: %s: number of items. */
			'left'    => __( '%s still to be sent', 'smartstore-woocommerce' ),
			'sent'    => __( 'All sent.', 'smartstore-woocommerce' ),
		);
		wp_add_inline_script( 'smartstore-admin', 'window.smartstoreWords = ' . wp_json_encode( $words ) . ';', 'before' );
	}

	/**
	 * Sections and fields.
	 */
	public static function register() {
		register_setting(
			self::GROUP,
			Settings::OPTION,
			array(
				'type'              => 'array',
				'sanitize_callback' => array( Settings::class, 'clean' ),
				'show_in_rest'      => false,
			)
		);
		add_settings_section( 'smartstore_connection', __( 'Connection', 'smartstore-woocommerce' ), '__return_null', self::SLUG );
		add_settings_section( 'smartstore_sync', __( 'What is synced', 'smartstore-woocommerce' ), '__return_null', self::SLUG );
		$fields = array(
			'api_url'         => array( __( 'API URL', 'smartstore-woocommerce' ), 'url', __( 'Where your SmartStore is, for example https://smartstore.example.com', 'smartstore-woocommerce' ) ),
			'api_key'         => array( __( 'API Key', 'smartstore-woocommerce' ), 'secret', __( 'Used by Test Connection only.', 'smartstore-woocommerce' ) ),
			'organization_id' => array( __( 'Organization ID', 'smartstore-woocommerce' ), 'text', '' ),
			'webhook_secret'  => array( __( 'Webhook Secret', 'smartstore-woocommerce' ), 'secret', __( 'Signs what this shop sends. The same one as in SmartStore.', 'smartstore-woocommerce' ) ),
			'sync_products'   => array( __( 'Sync Products', 'smartstore-woocommerce' ), 'switch', __( 'Products, variations and their stock', 'smartstore-woocommerce' ) ),
			'sync_orders'     => array( __( 'Sync Orders', 'smartstore-woocommerce' ), 'switch', __( 'Orders and customers', 'smartstore-woocommerce' ) ),
			'auto_sync'       => array( __( 'Auto Sync Enabled', 'smartstore-woocommerce' ), 'switch', __( 'Send changes by themselves, as they happen', 'smartstore-woocommerce' ) ),
		);
		foreach ( $fields as $name => list( $label, $type, $help ) ) {
			add_settings_field(
				'smartstore_' . $name,
				$label,
				array( self::class, 'field' ),
				self::SLUG,
				'switch' === $type ? 'smartstore_sync' : 'smartstore_connection',
				compact( 'name', 'type', 'help' ) + array( 'label_for' => 'smartstore_' . $name )
			);
		}
	}

	/**
	 * One field. A secret is never shown again.
	 *
	 * @param array $field name, type, help.
	 */
	public static function field( $field ) {
		$held = Settings::get( $field['name'] );
		$id   = 'smartstore_' . $field['name'];
		$name = Settings::OPTION . '[' . $field['name'] . ']';
		if ( 'switch' === $field['type'] ) {
			printf(
				'<label><input type="checkbox" id="%1$s" name="%2$s" value="1" %3$s> %4$s</label>',
				esc_attr( $id ),
				esc_attr( $name ),
				checked( $held, true, false ),
				esc_html( $field['help'] )
			);
			return;
		}
		$secret = 'secret' === $field['type'];
		printf(
			'<input class="regular-text" type="%1$s" id="%2$s" name="%3$s" value="%4$s" placeholder="%5$s" autocomplete="off" spellcheck="false">',
			esc_attr( $secret ? 'password' : $field['type'] ),
			esc_attr( $id ),
			esc_attr( $name ),
			esc_attr( $secret ? '' : $held ),
			esc_attr( $secret && '' !== $held ? __( '•••••••• saved; type to replace', 'smartstore-woocommerce' ) : '' )
		);
		if ( '' !== $field['help'] ) {
			printf( '<p class="description">%s</p>', esc_html( $field['help'] ) );
		}
	}

	/**
	 * The page.
	 */
	public static function show() {
		if ( ! current_user_can( self::capability() ) ) {
			return;
		}
		$status = Status::all();
		?>
		<div class="wrap smartstore">
			<h1><?php esc_html_e( 'WooCommerce Integration', 'smartstore-woocommerce' ); ?></h1>
			<?php settings_errors(); ?>
			<p class="smartstore-state" role="status" aria-live="polite" data-good="<?php echo esc_attr( $status['connected'] && '' === $status['error'] ? '1' : '0' ); ?>"><?php echo esc_html( $status['sentence'] ); ?></p>

			<div class="smartstore-box">
				<h2><?php esc_html_e( 'Pair with a code', 'smartstore-woocommerce' ); ?></h2>
				<p><?php esc_html_e( 'In SmartStore, open Integrations, WooCommerce, and copy the pairing code. It fills in everything below.', 'smartstore-woocommerce' ); ?></p>
				<p class="smartstore-row">
					<label class="screen-reader-text" for="smartstore_code"><?php esc_html_e( 'Pairing code', 'smartstore-woocommerce' ); ?></label>
					<input type="text" id="smartstore_code" class="regular-text" placeholder="ssp_…" autocomplete="off" spellcheck="false">
					<button type="button" class="button button-primary" data-smartstore="pair"><?php esc_html_e( 'Pair', 'smartstore-woocommerce' ); ?></button>
				</p>
				<div class="smartstore-result" data-for="pair" aria-live="polite"></div>
			</div>

			<form method="post" action="options.php">
				<?php
				settings_fields( self::GROUP );
				do_settings_sections( self::SLUG );
				submit_button();
				?>
			</form>

			<div class="smartstore-box">
				<h2><?php esc_html_e( 'By hand', 'smartstore-woocommerce' ); ?></h2>
				<p class="smartstore-row">
					<button type="button" class="button" data-smartstore="test"><?php esc_html_e( 'Test Connection', 'smartstore-woocommerce' ); ?></button>
					<button type="button" class="button" data-smartstore="products"><?php esc_html_e( 'Sync All Products', 'smartstore-woocommerce' ); ?></button>
					<button type="button" class="button" data-smartstore="orders"><?php esc_html_e( 'Sync All Orders', 'smartstore-woocommerce' ); ?></button>
				</p>
				<?php foreach ( array( 'test', 'products', 'orders' ) as $name ) : ?>
					<div class="smartstore-result" data-for="<?php echo esc_attr( $name ); ?>" aria-live="polite"></div>
				<?php endforeach; ?>
			</div>
		</div>
		<?php
	}
}
