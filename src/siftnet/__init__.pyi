# Every public name and where it lives: read by editors and type checkers, and by lazy_loader when siftnet is imported.

from .analysis.index import Index as Index
from .analysis.locality import Locality as Locality
from .analysis.locality import locality as locality
from .bench.benchmark import run_benchmark as run_benchmark
from .bench.config import BenchConfig as BenchConfig
from .config.fields import AnalysisConfig as AnalysisConfig
from .config.fields import RefusedError as RefusedError
from .config.fields import RunConfig as RunConfig
from .config.load import from_dict as from_dict
from .config.load import load as load
from .config.load import to_dict as to_dict
from .data.dataset import Dataset as Dataset
from .data.download.fetch import fetch as fetch
from .data.load import load_dataset as load_dataset
from .geometry import Geometry as Geometry
from .geometry import Grid as Grid
from .geometry import Points as Points
from .geometry import Unknown as Unknown
from .geometry import ring as ring
from .geometry import torus as torus
from .geometry import volume as volume
from .network.masks import Masks as Masks
from .network.state import State as State
from .pruning.scores import Scoring as Scoring
from .pruning.scores import register_score as register_score
from .pruning.ticket import Ticket as Ticket
from .pruning.training import Assignment as Assignment
from .pruning.training import Trained as Trained
from .report.pictures.mosaic import mask_mosaic as mask_mosaic
from .runs.describe import describe_data as describe_data
from .runs.estimate import estimate_cost as estimate_cost
from .runs.interrupt import Interrupted as Interrupted
from .runs.replicates import resume_replicates as resume_replicates
from .runs.replicates import run_replicates as run_replicates
from .runs.setup import Setup as Setup
from .runs.setup import set_up as set_up
from .runs.single import resume as resume
from .runs.single import run as run
from .runs.verify import verify as verify
from .store.folder import RunFolder as RunFolder
from .store.run import Run as Run
from .studies.measure_run import measure_rounds as measure_rounds
from .studies.seeds import summarise_seeds as summarise_seeds
from .version import __version__ as __version__

__all__: list[str]
