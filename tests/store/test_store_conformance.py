from shoplens.testing.store import StoreConformance
from shoplens.testing.store_laws import StoreLaws


class TestStore(StoreConformance, StoreLaws):
    """Run on SQLite and on PostgreSQL, see conftest.py."""
