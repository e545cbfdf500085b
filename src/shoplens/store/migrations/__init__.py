"""Steps from one version of the schema to the next, run by alembic when a store is opened."""
