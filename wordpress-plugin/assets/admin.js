/* The buttons of SmartStore → WooCommerce Integration. */
( function () {
	'use strict';

	const words = window.smartstoreWords;
	const page = document.querySelector( '.smartstore' );
	if ( ! page ) {
		return;
	}

	const result = ( name ) => page.querySelector( '.smartstore-result[data-for="' + name + '"]' );
	const ask = ( method, name, data ) =>
		window.wp.apiFetch( { method, path: '/smartstore/v1/admin/' + name, data } );

	function say( name, lines ) {
		const box = result( name );
		box.textContent = '';
		lines.forEach( ( [ good, text ] ) => {
			const line = document.createElement( 'p' );
			line.className = good === null ? '' : good ? 'is-good' : 'is-bad';
			line.textContent = ( good === null ? '' : good ? '✔ ' : '✘ ' ) + text;
			box.append( line );
		} );
	}

	function showState( status ) {
		const line = page.querySelector( '.smartstore-state' );
		line.textContent = status.sentence;
		line.dataset.good = status.connected && ! status.error ? '1' : '0';
	}

	async function test() {
		const { steps } = await ask( 'POST', 'test' );
		const lines = steps.map( ( step ) => [ step.ok, step.words ? step.name + ': ' + step.words : step.name ] );
		if ( steps.every( ( step ) => step.ok ) ) {
			lines.push( [ true, words.good ] );
		}
		say( 'test', lines );
		showState( await ask( 'GET', 'status' ) );
	}

	async function pair() {
		const code = page.querySelector( '#smartstore_code' ).value.trim();
		if ( ! code ) {
			say( 'pair', [ [ false, words.paste ] ] );
			return;
		}
		const answer = await ask( 'POST', 'pair', { code } );
		say( 'pair', [ [ answer.ok, answer.words ] ] );
		if ( answer.ok ) {
			page.querySelector( '#smartstore_code' ).value = '';
			window.setTimeout( () => window.location.reload(), 2500 );
		}
	}

	function progress( name, status ) {
		const made = status[ name ];
		if ( ! made.finished ) {
			return [ null, words.queued.replace( '%1$s', made.done ).replace( '%2$s', made.total ) ];
		}
		return status.pending ? [ null, words.left.replace( '%s', status.pending ) ] : [ true, words.sent ];
	}

	async function resync( name ) {
		let status = await ask( 'POST', 'resync', { what: name } );
		for (;;) {
			const line = progress( name, status );
			say( name, [ line, ...( status.error ? [ [ false, status.sentence ] ] : [] ) ] );
			showState( status );
			if ( line[ 0 ] || status.error ) {
				return;
			}
			await new Promise( ( resolve ) => window.setTimeout( resolve, 2000 ) );
			status = await ask( 'GET', 'status' );
		}
	}

	const actions = {
		test,
		pair,
		products: () => resync( 'products' ),
		orders: () => resync( 'orders' ),
	};

	page.addEventListener( 'click', async ( event ) => {
		const button = event.target.closest( '[data-smartstore]' );
		if ( ! button ) {
			return;
		}
		const name = button.dataset.smartstore;
		button.disabled = true;
		say( name, [ [ null, words.working ] ] );
		try {
			await actions[ name ]();
		} catch ( error ) {
			say( name, [ [ false, words.failed + ' ' + ( error.message || error ) ] ] );
		} finally {
			button.disabled = false;
		}
	} );
} )();
