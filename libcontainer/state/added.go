package state

import "rt/internal/jsonscan"

// writeAdded writes the mounts that were added. An empty list is left out.
func (w *objectWriter) writeAdded(list []Added) {
	if len(list) == 0 {
		return
	}
	w.writeName("added")
	for i := range list {
		w.dst = append(w.dst, "[,"[min(i, 1)])
		w.beginObject()
		w.writeText("destination", list[i].Destination)
		w.writeText("source", list[i].Source)
		w.writeText("type", list[i].Type)
		w.writeNumber("mountId", list[i].MountID)
		if list[i].Device != "" {
			w.writeText("device", list[i].Device)
		}
		w.endObject()
	}
	w.dst = append(w.dst, ']')
	w.filled = true
}

// parseAdded reads one of the mounts that were added.
func parseAdded(sc *jsonscan.Scanner, a *Added) {
	sc.Struct(addedNames, func(name string) bool {
		switch name {
		case "destination":
			jsonscan.String(sc, &a.Destination)
		case "source":
			jsonscan.String(sc, &a.Source)
		case "type":
			jsonscan.String(sc, &a.Type)
		case "mountId":
			jsonscan.Uint(sc, &a.MountID)
		case "device":
			jsonscan.String(sc, &a.Device)
		default:
			return false
		}
		return true
	})
}
