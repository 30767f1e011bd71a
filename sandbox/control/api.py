"""`/sandbox/...`: finds the action and turns its errors into answers."""

from typing import Any

from sandbox.clock import parse_iso
from sandbox.control import couriers, shops, whatsapp
from sandbox.faults import UnknownFault
from sandbox.http import Answer, Call, MalformedBody, json_answer
from sandbox.whatsapp.errors import GraphError
from sandbox.woocommerce.errors import ShopError
from sandbox.world import ControlError, World

Record = dict[str, Any]


class Control:
    def __init__(self, world: World) -> None:
        self._world = world

    async def handle(self, call: Call) -> Answer:
        parts = call.path.strip("/").split("/")[1:]
        try:
            return json_answer(200, await self._do(call, parts))
        except ControlError as error:
            return json_answer(error.status, {"error": str(error)})
        except ShopError as error:
            return json_answer(error.status, {"error": error.message, **error.document()})
        except GraphError as error:
            return json_answer(error.status, {"error": error.details or error.message})
        except (UnknownFault, MalformedBody) as error:
            return json_answer(400, {"error": str(error)})
        except (KeyError, TypeError, ValueError) as error:
            return json_answer(400, {"error": f"{type(error).__name__}: {error}"})

    async def _do(self, call: Call, parts: list[str]) -> Any:
        world = self._world
        match (call.method, *parts):
            case ("GET", "health"):
                return {"status": "ok"}
            case ("POST", "reset"):
                await world.reset()
                return {"status": "ok"}
            case ("POST", "drain"):
                await world.sender.drain()
                return {"status": "ok"}
            case ("GET", "deliveries"):
                return list(world.sender.log)
            case ("GET", "clock"):
                return {"now": world.clock.now()}
            case ("POST", "clock"):
                return self._set_clock(call.json_object())
            case ("GET", "dump"):
                return {
                    "shops": {name: shops.dump(shop) for name, shop in world.shops.items()},
                    "whatsapp": {
                        number.id: whatsapp.dump(world, number) for number in world.numbers.values()
                    },
                    "couriers": {
                        depot.name: couriers.dump(depot) for depot in world.depots.values()
                    },
                }
            case (_, "shops", *rest):
                return await shops.do(world, call, rest)
            case (_, "whatsapp", *rest):
                return await whatsapp.do(world, call, rest)
            case (_, "couriers", *rest):
                return await couriers.do(world, call, rest)
        raise ControlError(404, f"no action {call.method} {call.path}")

    def _set_clock(self, body: Record) -> Record:
        clock = self._world.clock
        if body.get("reset"):
            clock.reset()
        if "freeze" in body:
            at = body["freeze"]
            clock.freeze(parse_iso(at) if isinstance(at, str) else float(at))
        clock.advance(float(body.get("advance_s", 0)))
        return {"now": clock.now()}
