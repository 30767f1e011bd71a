"""The descriptions of our interfaces: OpenAPI for HTTP, AsyncAPI for topics and the WebSocket."""
