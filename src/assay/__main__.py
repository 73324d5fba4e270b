"""python -m assay, as `assay`."""

import sys

from assay.cli import main

sys.exit(main())
