<?php
// samples.php SHOP: empties the shop and fills it with the records it reads, under the ids that they have.
// {"active": bool, "products": […], "variations": […], "orders": […], "customers": […], "next": 2000}
[ , $shop ] = $argv;
$given = json_decode( stream_get_contents( STDIN ), true );
require __DIR__ . '/boot.php';
wp_set_current_user( 1 );
add_filter( 'woocommerce_can_reduce_order_stock', '__return_false' );

function next_id( string $table, int $id ) {
	global $wpdb;
	$wpdb->query( "ALTER TABLE {$wpdb->prefix}$table AUTO_INCREMENT = $id" );
}

function make( string $path, array $fields, string $table, int $id ) {
	next_id( $table, $id );
	$request = new WP_REST_Request( 'POST', "/wc/v3/$path" );
	$request->set_body_params( $fields );
	$answer = rest_do_request( $request );
	if ( $answer->is_error() || $answer->get_data()['id'] !== $id ) {
		fwrite( STDERR, "$path $id: " . wp_json_encode( $answer->get_data() ) . "\n" );
		exit( 1 );
	}
}

function only( array $record, array $names ): array {
	return array_filter( array_intersect_key( $record, array_flip( $names ) ), function ( $value ) {
		return null !== $value && '' !== $value;
	} );
}

function lines( array $record ): array {
	return array_map( function ( $line ) {
		return only( $line, array( 'product_id', 'variation_id', 'quantity', 'subtotal', 'total' ) );
	}, $record['line_items'] );
}

global $wpdb;
$first = 400;
// What earlier tests have left, too: whichever they were.
$ids = $wpdb->get_col( "SELECT ID FROM {$wpdb->posts} WHERE post_type IN ('product', 'product_variation')" );
array_map( 'wp_delete_post', $ids, array_fill( 0, count( $ids ), true ) );
$wpdb->query( "DELETE FROM {$wpdb->posts} WHERE post_type IN ('shop_order', 'shop_order_refund', 'shop_order_placehold')" );
foreach ( array( 'postmeta' => 'post_id', 'posts' => 'ID', 'term_relationships' => 'object_id', 'comments' => 'comment_post_ID' ) as $table => $column ) {
	$wpdb->query( "DELETE FROM {$wpdb->prefix}$table WHERE $column >= $first" );
}
foreach ( array( 'wc_product_meta_lookup', 'wc_orders', 'wc_orders_meta', 'wc_order_addresses', 'wc_order_operational_data', 'woocommerce_order_items',
	'woocommerce_order_itemmeta', 'smartstore_entities', 'smartstore_outbox' ) as $table ) {
	$wpdb->query( "DELETE FROM {$wpdb->prefix}$table" );
}
// Customers; those who run the shop stay.
$people = "SELECT ID FROM {$wpdb->users} WHERE user_login IN ('admin', 'reader')";
$wpdb->query( "DELETE FROM {$wpdb->usermeta} WHERE user_id NOT IN ($people)" );
$wpdb->query( "DELETE FROM {$wpdb->users} WHERE user_login NOT IN ('admin', 'reader')" );
wp_cache_flush();

next_id( 'posts', $first );
$picture = wp_insert_attachment( array( 'post_title' => 'Red', 'post_mime_type' => 'image/jpeg' ), 'red.jpg' );

$product = array( 'name', 'type', 'status', 'sku', 'regular_price', 'sale_price', 'manage_stock', 'stock_quantity', 'backorders', 'low_stock_amount', 'weight', 'description' );
foreach ( $given['products'] as $record ) {
	$attributes = array_map( function ( $one ) {
		return only( $one, array( 'name', 'visible', 'variation', 'options' ) );
	}, $record['attributes'] );
	$images = $record['images'] ? array( array( 'id' => $picture ) ) : array();
	make( 'products', only( $record, $product ) + compact( 'attributes', 'images' ), 'posts', $record['id'] );
}
foreach ( $given['variations'] as $record ) {
	$attributes = array_map( function ( $one ) {
		return only( $one, array( 'name', 'option' ) );
	}, $record['attributes'] );
	$fields = only( $record, array( 'sku', 'regular_price', 'sale_price', 'manage_stock', 'stock_quantity' ) );
	$fields += array( 'attributes' => $attributes, 'image' => array( 'id' => $picture ) );
	make( "products/{$record['parent_id']}/variations", $fields, 'posts', $record['id'] );
}
foreach ( $given['orders'] as $record ) {
	$fields = only( $record, array( 'status', 'billing', 'shipping', 'payment_method', 'customer_note' ) );
	make( 'orders', $fields + array( 'line_items' => lines( $record ) ), 'posts', $record['id'] );
}
foreach ( $given['customers'] as $record ) {
	make( 'customers', only( $record, array( 'email', 'first_name', 'last_name', 'billing' ) ), 'users', $record['id'] );
}
next_id( 'posts', $given['next'] );
require_once ABSPATH . 'wp-admin/includes/plugin.php';
$plugin = 'wordpress-plugin/smartstore-woocommerce.php';
if ( $given['active'] && ! is_plugin_active( $plugin ) ) {
	activate_plugin( $plugin );
} elseif ( ! $given['active'] ) {
	deactivate_plugins( $plugin );
}
