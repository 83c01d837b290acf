// For each of 42,049 United States zip codes the nearest of 3,376 airports, found by measuring the way to all of them.
import { readFileSync } from 'node:fs';
import { parse } from 'csv-parse/sync';
import { csv, defineJob, sqlTable } from 'holdfast';

type Place = { readonly latitude: string; readonly longitude: string };
type Airport = Place & { readonly iata: string; readonly name: string };

const data = 'node_modules/vega-datasets/data';
const airports = parse<Airport>(readFileSync(`${data}/airports.csv`), { columns: true });
const sites = airports.map(({ iata, name, ...place }) => ({ iata, name, ...radians(place) }));

export default defineJob({
  name: 'nearest-airport',
  source: csv(`${data}/zipcodes.csv`, { columns: ['zip_code', 'city', 'state', 'latitude', 'longitude'] }),
  key: (zip) => zip.zip_code,
  run(zip) {
    const here = radians(zip);
    return sites
      .map((site) => ({ iata: site.iata, airport: site.name, km: distanceKm(here, site) }))
      .reduce((nearest, other) => (other.km < nearest.km ? other : nearest));
  },
}).to(
  sqlTable({
    url: 'sqlite:nearest-airport.db',
    table: 'nearest_airport',
    key: 'zip',
    row: (zip, nearest) => ({ zip: zip.zip_code, city: zip.city, state: zip.state, ...nearest }),
  }),
);

function radians({ latitude, longitude }: Place) {
  return { lat: (Number(latitude) * Math.PI) / 180, lon: (Number(longitude) * Math.PI) / 180 };
}

function distanceKm(a: ReturnType<typeof radians>, b: ReturnType<typeof radians>) {
  const h = Math.sin((a.lat - b.lat) / 2) ** 2 + Math.cos(a.lat) * Math.cos(b.lat) * Math.sin((a.lon - b.lon) / 2) ** 2;
  return 2 * 6371 * Math.asin(Math.sqrt(h));
}
