"""The places, each with its painter and its light."""

from dbexp.mini.world.places.court import room, versailles, windmill
from dbexp.mini.world.places.place import Light, Place
from dbexp.mini.world.places.pond import ripples, water
from dbexp.mini.world.places.sky import night_sky, snowy_mountains
from dbexp.mini.world.places.town import boston, city, times_square
from dbexp.mini.world.places.wild import beach, canyon, desert, forest, meadow

WARM, COLD = (255, 236, 206), (214, 226, 255)

PLACE_PAINTERS: dict[str, Place] = {
    "desert": Place(desert, Light(WARM, 0.5, (255, 240, 196), 34)),
    "beach": Place(beach, Light(WARM, 0.2, (255, 250, 224), 30)),
    "night sky": Place(night_sky, Light((176, 184, 255), 0.4, (226, 232, 255), 40)),
    "city": Place(city, Light(rim=(255, 244, 220), shadow=34)),
    "snowy mountains": Place(snowy_mountains, Light(COLD, 0.3, (255, 255, 255), 22)),
    "forest": Place(forest, Light((236, 255, 214), 0.4, (246, 255, 206), 40)),
    "canyon": Place(canyon, Light((255, 226, 200), 0.4, (255, 224, 170), 40)),
    "meadow": Place(meadow, Light(rim=(255, 255, 230), shadow=36)),
    "versailles": Place(versailles, Light(WARM, 0.2, (255, 248, 220), 32)),
    "times square": Place(times_square, Light((226, 190, 255), 0.4, (255, 150, 214), 44)),
    "water": Place(water, Light((206, 244, 255), 0.4, (246, 255, 255), 0), ripples),
    "room": Place(room, Light(WARM, 0.3, (255, 246, 222), 34)),
    "boston": Place(boston, Light(rim=(255, 240, 220), shadow=34)),
    "windmill": Place(windmill, Light((255, 220, 214), 0.35, (255, 232, 190), 34)),
}

__all__ = ["PLACE_PAINTERS", "Light", "Place"]
