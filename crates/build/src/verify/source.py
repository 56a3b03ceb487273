import sys

if sys.path and sys.path[0] == "":
    sys.path.pop(0)
import json, os

most, left = int(sys.argv[1]), int(sys.argv[2])
foreign = {
    "__pycache__", "site-packages", "dist-packages", "node_modules", "venv", "env", "build", "dist",
    "__pypackages__",
}
for root in sys.argv[3:]:
    for folder, inner, names in os.walk(root):
        inner[:] = sorted(
            name for name in inner
            if name not in foreign and not name.startswith(".")
            and not os.path.exists(os.path.join(folder, name, "pyvenv.cfg"))
        )
        for name in sorted(names):
            path = os.path.join(folder, name)
            if not name.endswith(".py") or os.path.islink(path) or not os.path.isfile(path):
                continue
            try:
                size = os.path.getsize(path)
                if size > most:
                    continue
                left -= size
                if left < 0:
                    sys.exit()
                with open(path, "rb") as file:
                    text = file.read().decode("utf-8")
                path.encode("utf-8")
            except (OSError, UnicodeError):
                continue
            print(json.dumps({"path": path, "text": text}))
