<?php
/**
 * Plugin Name: Tests' own helper
 * Description: What a shop on this machine needs to be tested. Not for a real site.
 */
defined( 'ABSPATH' ) || exit;

// WooCommerce's own webhooks may go to this machine, on any port; by itself WordPress refuses both.
add_filter( 'http_request_host_is_external', '__return_true' );
add_filter( 'http_allowed_safe_ports', function ( $ports, $host, $url ) {
	return array_merge( $ports, array( wp_parse_url( $url, PHP_URL_PORT ) ) );
}, 10, 3 );

// Mail is not sent.
add_filter( 'pre_wp_mail', '__return_true' );

// Which requests went out, and out of what: run/outgoing.log, one line each.
add_action( 'http_api_debug', function ( $response, $context, $class, $arguments, $url ) {
	$from = wp_doing_cron() ? 'cron' : ( $_SERVER['REQUEST_URI'] ?? '' );
	file_put_contents( dirname( ABSPATH ) . '/run/outgoing.log', "$from -> $url\n", FILE_APPEND | LOCK_EX );
}, 10, 5 );

// Pictures are not fetched from anywhere: every address has the same one.
add_filter( 'pre_http_request', function ( $response, $arguments, $url ) {
	if ( 0 !== strpos( $url, 'https://cdn.example.com/' ) ) {
		return $response;
	}
	$picture = base64_decode( '/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAP//////////////////////////////////////////////////////////////////////////////////////wAALCAABAAEBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAAA//EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8AP//Z' );
	if ( ! empty( $arguments['filename'] ) ) {
		file_put_contents( $arguments['filename'], $picture );
	}
	$told = array( 'code' => 200, 'message' => 'OK' );
	return array( 'headers' => array(), 'body' => '', 'response' => $told, 'cookies' => array(), 'filename' => $arguments['filename'] );
}, 10, 3 );
