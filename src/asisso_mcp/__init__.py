"""asisso-mcp: an assistant looks after outbound calling campaigns on Asisso."""

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asisso_mcp.toolbox import Toolbox

__all__ = ["Toolbox", "__version__"]


def __getattr__(name: str) -> object:
    """`Toolbox`, imported when it is first asked for: the package itself stays light."""
    if name == "Toolbox":
        from asisso_mcp.toolbox import Toolbox

        return Toolbox
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
